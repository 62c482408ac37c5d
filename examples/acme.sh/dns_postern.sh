#!/usr/bin/env sh
# SPDX-License-Identifier: ISC
# acme.sh's dnsapi for Postern: put it into ~/.acme.sh/dnsapi and say `acme.sh --issue --dns dns_postern -d …`.
#
# There is no credential in acme.sh's account.conf. What `postern hook` needs is in its settings: /etc/postern/hook.conf, or the
# file that POSTERN_HOOK_CONFIG names the first time; that path is remembered.

# Usage: dns_postern_add _acme-challenge.www.example.com VALUE
dns_postern_add() {
	_postern_hook add "$1" "$2" || return 1
	_info "Postern: the challenge is at $1"
}

# Usage: dns_postern_rm _acme-challenge.www.example.com VALUE
dns_postern_rm() {
	_postern_hook remove "$1" "$2" || return 1
	_info "Postern: the challenge is gone from $1"
}

_postern_hook() {
	POSTERN_HOOK_CONFIG=${POSTERN_HOOK_CONFIG:-$(_readaccountconf_mutable POSTERN_HOOK_CONFIG)}
	[ -z "$POSTERN_HOOK_CONFIG" ] || _saveaccountconf_mutable POSTERN_HOOK_CONFIG "$POSTERN_HOOK_CONFIG"
	export POSTERN_HOOK_CONFIG
	# Not everybody has sbin in the path, cron least of all.
	if _postern_said=$(PATH=$PATH:/usr/local/sbin:/usr/sbin postern hook "$@" 2>&1); then
		[ -z "$_postern_said" ] || _info "$_postern_said"
	else
		_err "Postern: ${_postern_said:-postern hook failed}"
		return 1
	fi
}
