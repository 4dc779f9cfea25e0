# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What is downloaded or made once, and kept outside the tree. To be sourced.
#
# An entry of the cache is a directory that is made under a temporary name and
# renamed when it is whole: what exists is complete, and an interrupted run
# leaves only a name that the next run clears.

# Administration programs stand in sbin, which an ordinary user's PATH may lack.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

cache=${IKEFP_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set; set it or IKEFP_CACHE}/.cache}/ikefp}

say() {
	printf '%s\n' "$*" >&2
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# cached ENTRY FUNCTION [ARGUMENT...]
#
# Makes $cache/ENTRY by calling FUNCTION with an empty directory before the
# other arguments, unless it exists. Two runs at once make it once. Ends the
# script when FUNCTION fails. Not to be called in a condition: bash ignores
# set -e there, however deep.
cached() {
	local entry=$cache/$1 lock status

	[ -d "$entry" ] && return 0
	shift
	mkdir -p "${entry%/*}" || die "cannot make the cache folder ${entry%/*} (set IKEFP_CACHE to another)"
	exec {lock}>"$entry.lock"
	flock "$lock"
	if [ ! -d "$entry" ]; then
		rm -rf "$entry.new"
		mkdir "$entry.new"
		set +e
		(set -eE; trap 'say "failed: $BASH_COMMAND"' ERR; "$1" "$entry.new" "${@:2}")
		status=$?
		set -e
		if [ $status -ne 0 ]; then
			rm -rf "$entry.new"
			die "could not make $entry (see above)"
		fi
		mv -T "$entry.new" "$entry"
	fi
	exec {lock}>&-
}

# apt_refresh: brings apt's lists up to date if they are missing or a day old.
# Only root can; anyone else works with what there is.
apt_refresh() {
	[ "$(id -u)" -eq 0 ] || return 0
	[ -z "$(find /var/lib/apt/lists -name '*Packages*' -mtime -1 2>/dev/null | head -n 1)" ] ||
		return 0
	say "apt: updating the lists"
	apt-get -qq update >/dev/null || die "'apt-get update' failed"
}

# apt_download PACKAGE...
#
# Downloads packages from the machine's own apt sources to the current folder.
apt_download() {
	apt-get -qq -o APT::Sandbox::User="$(id -un)" download "$@" ||
		die "apt-get cannot download $* (are apt's lists current? apt-get update)"
}
