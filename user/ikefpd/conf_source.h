/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFPD_CONF_SOURCE_H
#define IKEFPD_CONF_SOURCE_H

/* Where something of the configuration came from. */
enum conf_source {
	CONF_FILE,
	CONF_VICI,
	CONF_FETCHED	/* a CRL, by its distribution point; a certificate, from a token */
};

#endif /* IKEFPD_CONF_SOURCE_H */
