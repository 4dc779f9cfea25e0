// SPDX-License-Identifier: GPL-2.0

#include "esp.h"

#include "die.h"
#include "netns.h"

#define KEY "0x000102030405060708090a0b0c0d0e0f10111213"
#define PORT 9

struct client *client_open_wired(int wants, struct esp *esp, int family)
{
	esp->family = family;
	esp->kernel = family == AF_INET ? "10.0.0.1" : "fd00::1";
	esp->peer = family == AF_INET ? "10.0.0.2" : "fd00::2";
	esp->there = netns_new();
	esp->here = netns_new();
	netns_wire(esp->here, esp->there);
	return client_open(wants);
}

struct peer *esp_peer(struct esp *esp, int port, enum ikefp_listener_kind kind)
{
	struct peer *peer;

	netns_enter(esp->there);
	peer = peer_open(esp->peer, esp->kernel, port, kind);
	netns_enter(esp->here);
	return peer;
}

static void add_state(const char *from, const char *to, uint32_t spi)
{
	run("ip xfrm state add src %s dst %s proto esp spi 0x%x mode transport "
	    "aead 'rfc4106(gcm(aes))' " KEY " 128", from, to, spi);
}

static void add_policy(const char *from, const char *to, uint32_t spi)
{
	run("ip xfrm policy add src %s dst %s proto udp dport %d dir out "
	    "tmpl proto esp spi 0x%x mode transport", from, to, PORT, spi);
}

void esp_states(struct esp *esp)
{
	struct sockaddr_storage local;

	add_state(esp->kernel, esp->peer, ESP_SPI_OUT);
	add_state(esp->peer, esp->kernel, ESP_SPI_IN);
	add_policy(esp->kernel, esp->peer, ESP_SPI_OUT);
	local = address(esp->kernel, PORT);
	esp->sock_out = udp_open(&local);
	netns_enter(esp->there);
	add_state(esp->kernel, esp->peer, ESP_SPI_OUT);
	add_state(esp->peer, esp->kernel, ESP_SPI_IN);
	add_policy(esp->peer, esp->kernel, ESP_SPI_IN);
	local = address(esp->peer, PORT);
	esp->sock_in = udp_open(&local);
	netns_enter(esp->here);
}

static void pass(int from, int to, const char *address_of_to)
{
	struct sockaddr_storage addr = address(address_of_to, PORT);
	char octet;

	udp_send(from, &addr, "", 1);
	if (udp_receive(to, &octet, 1, PATIENCE_MS, NULL, NULL) != 1)
		die("ESP does not pass");
}

void esp_send(struct esp *esp)
{
	pass(esp->sock_out, esp->sock_in, esp->peer);
}

void esp_receive(struct esp *esp)
{
	pass(esp->sock_in, esp->sock_out, esp->kernel);
}
