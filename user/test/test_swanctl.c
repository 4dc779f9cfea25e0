// SPDX-License-Identifier: GPL-2.0
/*
 * VICI's server driven by strongSwan's own swanctl, with an unmodified
 * swanctl.conf. Skipped where there is no swanctl; SWANCTL names another one.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktap.h"
#include "libsecrets.h"
#include "start.h"
#include "stub_core.h"
#include "vici.h"

#define WAIT_MS	30000

static char dir[] = "/tmp/ikefp-test-XXXXXX";
static char uri[128];
static struct config *config;
static struct test_secrets secrets;
static struct vici *vici;
static char output[65536];

static const char conf[] =
	"connections {\n"
	"  net : defaults {\n"
	"    local_addrs = 192.0.2.1, 192.0.2.0/24\n"
	"    remote_addrs = 192.0.2.2\n"
	"    local { id = left.example.org }\n"
	"    remote { id = right.example.org }\n"
	"    children {\n"
	"      lan {\n"
	"        local_ts = 10.1.0.0/16, 10.2.0.0/24[tcp/80]\n"
	"        remote_ts = 10.3.0.0/16\n"
	"        esp_proposals = aes128gcm16\n"
	"      }\n"
	"    }\n"
	"  }\n"
	"  road : defaults {\n"
	"    remote_port = 4500\n"
	"  }\n"
	"}\n"
	"defaults {\n"
	"  version = 2\n"
	"  mobike = no\n"
	"  proposals = aes128gcm16-prfsha256-x25519, aes256-sha256-modp2048\n"
	"  local { auth = psk }\n"
	"  remote { auth = psk }\n"
	"}\n"
	"secrets {\n"
	"  ike-net { id-left = left.example.org\n"
	"    id-right = right.example.org\n"
	"    secret = 0sAAECAwQFBgc= }\n"
	"}\n"
	"include conf.d/*.conf\n";

static const char *swanctl(void)
{
	static const char *const places[] = { "/usr/sbin/swanctl", "/usr/bin/swanctl" };
	const char *named = getenv("SWANCTL");

	if (named)
		return named;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (!access(places[i], X_OK))
			return places[i];
	return NULL;
}

static void put_conf(const char *name, const char *text)
{
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	if (!EXPECT(f))
		return;
	fputs(text, f);
	fclose(f);
}

static bool start(void)
{
	struct errmsg err;
	char path[96];

	if (!swanctl()) {
		ktap_skip("swanctl is not installed");
		return false;
	}
	stub_loop = loop_new();
	stub_outcome = 0;
	stub_last_id = 0;
	config = config_new();
	start_open(stub_loop, config);
	test_secrets_start(&secrets);
	snprintf(path, sizeof(path), "%s/vici", dir);
	snprintf(uri, sizeof(uri), "unix://%s", path);
	vici = vici_new(stub_loop, config, secrets.secrets, path, &err);
	put_conf("swanctl.conf", conf);
	put_conf("strongswan.conf", "swanctl {\n load = \"\"\n}\n");
	return EXPECT(vici);
}

static void stop(void)
{
	char path[96];

	start_close();
	vici_free(vici);
	snprintf(path, sizeof(path), "%s/vici", dir);
	unlink(path);
	test_secrets_stop(&secrets);
	stub_clear();
	config_free(config);
	loop_free(stub_loop);
}

static pid_t spawn(const char *command, int *out)
{
	char line[512];
	int fds[2];
	pid_t pid;
	int len;

	if (!EXPECT(!pipe(fds)))
		return -1;
	len = snprintf(line, sizeof(line), "exec %s %s --uri %s 2>&1", swanctl(), command, uri);
	pid = fork();
	if (!pid) {
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		setenv("SWANCTL_DIR", dir, 1);
		snprintf(line + len + 1, sizeof(line) - (size_t)len - 1,
			 "%s/strongswan.conf", dir);
		setenv("STRONGSWAN_CONF", line + len + 1, 1);
		execl("/bin/sh", "sh", "-c", line, NULL);
		_exit(127);
	}
	close(fds[1]);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	*out = fds[0];
	return pid;
}

/* Serves until the command's output ends, or until it holds @text. */
static void serve(int out, const char *text)
{
	uint64_t end = loop_now_ms() + WAIT_MS;
	size_t len = 0;

	memset(output, 0, sizeof(output));
	while (loop_now_ms() < end && len < sizeof(output) - 1) {
		ssize_t n = read(out, output + len, sizeof(output) - 1 - len);

		if (!n || (text && strstr(output, text)))
			return;
		if (n > 0)
			len += (size_t)n;
		loop_turn(stub_loop, 10);
	}
	ktap_fail(__FILE__, __LINE__, "swanctl did not end in time: %s", output);
}

/* Runs swanctl and returns its exit code; what it says is in output. */
static int run(const char *command)
{
	int out, status = -1;
	pid_t pid = spawn(command, &out);

	if (pid < 0)
		return -1;
	serve(out, NULL);
	close(out);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static void expect_said(const char *text)
{
	if (!strstr(output, text))
		ktap_fail(__FILE__, __LINE__, "\"%s\" is not in: %s", text, output);
}

static void expect_run(const char *command, int code, const char *said)
{
	int got = run(command);

	if (got != code)
		ktap_fail(__FILE__, __LINE__, "%s: exit code %d: %s", command, got, output);
	expect_said(said);
}

static void test_load_all(void)
{
	if (!start())
		return;
	expect_run("--load-all", 0, "loaded ike secret 'ike-net'");
	expect_said("loaded connection 'net'");
	expect_said("successfully loaded 2 connections, 0 unloaded");
	EXPECT(test_secrets_serves(secrets.secrets, "left.example.org", "right.example.org",
				   "\0\1\2\3\4\5\6\7", 8));
	if (EXPECT(config_find_conn(config, "net")))
		EXPECT_EQ(config_find_conn(config, "net")->proposals.n, 2);

	/* What the file no longer has is unloaded. */
	put_conf("swanctl.conf", "connections { net { remote_addrs = 192.0.2.3\n"
		 " local { auth = psk }\n remote { auth = psk }\n } }\n");
	expect_run("--load-all --noprompt", 0, "successfully loaded 1 connections, 1 unloaded");
	EXPECT(test_secrets_serves(secrets.secrets, "left.example.org", "right.example.org",
				   NULL, 0));
	EXPECT(!config_find_conn(config, "road"));

	put_conf("swanctl.conf", "connections { net { local { auth = eap } } }\n");
	EXPECT(run("--load-all") != 0);
	expect_said("loading connection 'net' failed: net.local.auth: 'eap' is not supported yet: ikefpd serves auth = psk and pubkey");
	expect_run("--load-creds --clear", 0, "");
	stop();
}

static void test_list_conns(void)
{
	if (!start())
		return;
	expect_run("--load-all", 0, "loaded 2 connections");
	expect_run("--list-conns", 0,
		   "net: IKEv2, no reauthentication, rekeying every 14400s\n"
		   "  local:  192.0.2.1");
	/* From 5.9.13 on the ports follow the addresses. */
	expect_said("\n  local:  192.0.2.0/24");
	expect_said("\n  remote: 192.0.2.2");
	expect_said("  local pre-shared key authentication:\n"
		    "    id: left.example.org\n"
		   "  remote pre-shared key authentication:\n"
		   "    id: right.example.org\n"
		   "  lan: TUNNEL, rekeying every 3600s\n"
		   "    local:  10.1.0.0/16 10.2.0.0/24[tcp/80]\n"
		   "    remote: 10.3.0.0/16\n");
	expect_said("road: IKEv2, no reauthentication, rekeying every 14400s\n  local:  %any");
	stop();
}

static void test_sas(void)
{
	if (!start())
		return;
	expect_run("--load-all", 0, "loaded 2 connections");
	expect_run("--initiate --child lan", 0,
		   "[IKE] initiating IKE_SA\n[IKE] established\ninitiate completed successfully");
	expect_run("--list-sas", 0,
		   "net: #1, ESTABLISHED, IKEv2, 1122334455667788_i* 0000000000000099_r\n"
		   "  local  'left.example.org' @ 192.0.2.1[4500]\n"
		   "  remote 'right.example.org' @ 2001:db8::2[4500]\n"
		   "  AES_CBC-256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/CURVE_25519\n"
		   "  established 61s ago, rekeying in 9000s\n"
		   "  lan: #101, reqid 1, INSTALLED, TUNNEL-in-UDP, ESP:AES_GCM_16-128\n"
		   "    installed 61s ago, rekeying in 3000s\n"
		   "    in  c0ffee01,   8400 bytes,   100 packets,     3s ago\n"
		   "    out c0ffee02,    168 bytes,     2 packets\n"
		   "    local  10.1.0.0/16 10.2.0.0/24[tcp/80]\n"
		   "    remote 10.3.0.0/16\n");
	expect_run("--list-sas --raw", 0, "list-sa event {net {uniqueid=1 version=2");
	expect_run("--list-sas --noblock --ike road", 0, "");
	EXPECT_STR(output, "");
	expect_run("--terminate --ike net", 0, "terminate completed successfully");
	EXPECT(!stub_sas);
	expect_run("--terminate --ike-id 77", 1,
		   "terminate failed: no matching SAs to terminate found");
	stub_outcome = 1;
	expect_run("--initiate --child lan --ike net", 1,
		   "initiate failed: establishing CHILD_SA 'lan' failed: received NO_PROPOSAL_CHOSEN");
	stub_outcome = 2;
	expect_run("--initiate --child lan --timeout 1 --loglevel 2", 1,
		   "CHILD_SA 'lan' not established after 1000ms");
	expect_run("--terminate --ike net --force", 0, "terminate completed successfully");
	stop();
}

static void test_queries(void)
{
	if (!start())
		return;
	expect_run("--version --daemon", 0, "ikefpd");
	expect_run("--stats", 0, "IKE_SAs: 0 total, 0 half-open");
	expect_said("worker threads: 1 total");
	expect_run("--reload-settings", 0, "");
	expect_run("--list-certs", 0, "");
	expect_run("--list-authorities", 0, "");
	expect_run("--list-pols", 0, "");
	expect_run("--list-pools", 0, "");
	expect_run("--flush-certs", 0, "");
	stub_unknown_spis += 4;
	expect_run("--counters", 0, "global:\n");
	expect_said("  invalid-spi           : 4\n");
	expect_run("--list-algs", 0, "encryption:\n  AES_CBC[kernel]\nintegrity:\n");
	expect_said("\naead:\n  AES_GCM_16[kernel]\n  CHACHA20_POLY1305[kernel]\n");
	expect_said("\nke:\n  MODP_2048[openssl]\n");
	stop();
}

static void say_again(struct loop_timer *timer)
{
	log_msg(LOG_NET, LVL_CTRL, "hello from the test");
	loop_timer_arm(stub_loop, timer, 20);
}

static void test_log(void)
{
	struct loop_timer repeat = { .expired = say_again };
	int out, status;
	pid_t pid;

	if (!start())
		return;
	expect_run("--load-all", 0, "loaded 2 connections");
	pid = spawn("--log", &out);
	REQUIRE(pid > 0);
	/* Until swanctl has registered for the event it hears nothing. */
	say_again(&repeat);
	serve(out, "hello from the test\n");
	loop_timer_cancel(stub_loop, &repeat);
	expect_said("00[NET] hello from the test\n");
	kill(pid, SIGINT);
	EXPECT(waitpid(pid, &status, 0) == pid);
	close(out);
	loop_turn(stub_loop, 50);
	stop();
}

static const struct ktap_test tests[] = {
	{ "load_all", test_load_all },
	{ "list_conns", test_list_conns },
	{ "sas", test_sas },
	{ "queries", test_queries },
	{ "log", test_log },
};

int main(int argc, char **argv)
{
	char command[64];
	int ret;

	if (!mkdtemp(dir)) {
		perror(dir);
		return 1;
	}
	ret = ktap_main(argc, argv, tests, sizeof(tests) / sizeof(*tests));
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command) ? 1 : ret;
}
