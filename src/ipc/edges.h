/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * The map: every process, every edge between two of them, every message on it.
 *
 * One list per edge. From it come the message's struct, its field table (and so encoder, decoder and caps) and
 * its permission row: who may send it. What is not on the list cannot be said.
 */
#include "audit/line.h"
#include "audit/note.h"
#include "base/metrics.h"
#include "ipc/wire.h"
#include "provider/provider.h"
#include "seal/handle.h"
#include "sys/sandbox.h"
#include "tls/parts.h"

/* ---- processes ---- */

/*
 * Self-hosted providers, whose answers and hosts are their customers' own, have a planner and a courier of
 * their own, so that breaking in there does not reach anybody else's calls.
 */
#define PROC_LIST(X)                                                                               \
	X(SUPERVISOR, "postern")                                                                   \
	X(FRONT, "postern-front")                                                                  \
	X(VAULT, "postern-vault")                                                                  \
	X(SCRIBE, "postern-scribe")                                                                \
	X(PLANNER, "postern-planner")                                                              \
	X(PLANNER_SELF, "postern-planner-self")                                                    \
	X(COURIER, "postern-courier")                                                              \
	X(COURIER_SELF, "postern-courier-self")                                                    \
	X(RESOLVER, "postern-resolver")

enum proc {
#define X(id, name) PROC_##id,
	PROC_LIST(X)
#undef X
		PROC_COUNT
};

/* As `ps` shows it. */
const char *proc_name(enum proc p);
/* PROC_COUNT when no process has that name. */
enum proc proc_by_name(const char *name);

/* ---- named limits of messages ---- */

#define IPC_REQUEST_ID_MAX   64
#define IPC_CALLER_MAX	     64
#define IPC_CALLERS_MAX	     256
#define HTTPREQ_MAX	     256 /* names that httpreq knows */
#define IPC_FQDN_MAX	     512 /* as the caller wrote it: the vault canonicalises */
#define IPC_TYPE_MAX	     16	 /* as the caller wrote it */
#define IPC_ZONES_MAX	     (HANDLE_ZONES_MAX * (DNS_NAME_MAX + 1 + 4)) /* a final dot each */
#define IPC_CREDENTIALS_MAX  (CREDENTIALS_MAX + CREDENTIAL_FIELDS_MAX * 64)
#define IPC_PIECE_MAX	     (96 * 1024) /* longer things cross in pieces of at most this */
#define IPC_HEADERS_MAX	     (8 * 1024)	 /* of an answer, those that the provider's table names */
#define IPC_REASON_MAX	     160
#define IPC_FIELD_MAX	     80
#define IPC_DETAIL_MAX	     400
#define IPC_PATH_MAX	     4096
#define IPC_URL_MAX	     (8 * 1024)
#define IPC_INSTRUCTIONS_MAX (16 * 1024)
#define DENY_MAX	     100000 /* integrations that are called off */
#define IPC_ADDRESS_MAX	     45	    /* bytes of an IPv6 address as text */
#define IPC_RESOLVERS_MAX    1024   /* bytes of "address:port,address:port…" */

/* check_record asks at most so many servers of a zone by name, at so many addresses together. */
#define ZONE_SERVERS_MAX   16
#define ZONE_ADDRESSES_MAX 32
/* What there may be to tell of them: names that have no address too. */
#define ZONE_LINES_MAX	(ZONE_SERVERS_MAX + ZONE_ADDRESSES_MAX)
#define IPC_SERVERS_MAX (ZONE_LINES_MAX * (DNS_NAME_MAX + IPC_ADDRESS_MAX + 64))

/* policy in fv_make_integration: the gateway's default */
#define IPC_POLICY_DEFAULT POLICY_PROFILES

enum ipc_listener { LISTEN_TCP, LISTEN_UNIX, LISTEN_TLS, LISTENERS };

/*
 * How a caller shows who it is, by 32 bytes: the SHA-256 of its bearer token; its user id on the Unix socket, in four bytes as this machine has them, then zeros; the SHA-256 of
 * its certificate's SubjectPublicKeyInfo (RFC 5280 section 4.1), of a DNS name or of a URI in its certificate's subjectAltName.
 */
enum identity_kind {
	IDENTITY_TOKEN,
	IDENTITY_UID,
	IDENTITY_SPKI,
	IDENTITY_DNS,
	IDENTITY_URI,
	IDENTITY_KINDS
};
#define IDENTITY_BYTES 32

/* Why a server's address could not be asked for a record. */
#define SERVER_PROBLEM_LIST(X)                                                                     \
	X(NONE, "")                                                                                \
	X(NO_ANSWER, "no_answer")                                                                  \
	X(REFUSED, "refused")                                                                      \
	X(NOT_PERMITTED, "not_permitted")                                                          \
	X(LAME, "lame")

enum server_problem {
#define X(id, text) SERVER_##id,
	SERVER_PROBLEM_LIST(X)
#undef X
		SERVER_PROBLEMS
};
const char *server_problem_text(enum server_problem p);

/* What a caller may do; bit 1 << verb in its mask. */
#define VERB_LIST(X)                                                                               \
	X(MAKE_INTEGRATION, "make_integration")                                                    \
	X(BEGIN_INTEGRATION, "begin_integration")                                                  \
	X(GET_ZONES, "get_zones")                                                                  \
	X(ADD_RECORD, "add_record")                                                                \
	X(REMOVE_RECORD, "remove_record")                                                          \
	X(CHECK_RECORD, "check_record")                                                            \
	X(INSPECT_HANDLE, "inspect_handle")                                                        \
	X(REWRAP_HANDLE, "rewrap_handle")                                                          \
	X(METRICS, "metrics")

enum verb {
#define X(id, text) VERB_##id,
	VERB_LIST(X)
#undef X
		VERB_COUNT
};
const char *verb_text(enum verb v);
/* VERB_COUNT when there is none. */
enum verb verb_parse(struct bytes in);
#define VERBS_ALL ((1u << VERB_COUNT) - 1)

/* ---- supervisor ↔ every role ---- */

/* ROLE_TO: the supervisor tells; ROLE_FROM: the role reports. fd: one comes with it. */
#define SUPERVISOR_MESSAGES(M)                                                                     \
	M(s_peer, A)	 /* with fd: the edge to another process, new or anew */                   \
	M(s_listener, A) /* with fd: front */                                                      \
	M(s_log_dir, A)	 /* with fd: scribe */                                                     \
	M(s_ca, A)	 /* with fd: courier */                                                    \
	M(s_front, A)                                                                              \
	M(s_role, A) /* front: how a role is, for the metrics */                                   \
	M(s_caller, A)                                                                             \
	M(s_identity, A)                                                                           \
	M(s_httpreq, A) /* front: a name of httpreq's */                                           \
	M(s_deny, A)	/* vault: integrations that are called off */                              \
	M(s_tls, A)	/* front: a piece of what it serves TLS with */                            \
	M(s_vault, A)                                                                              \
	M(s_root_key, A)                                                                           \
	M(s_scribe, A)                                                                             \
	M(s_signer, A) /* scribe: who signs the log's checkpoints */                               \
	M(s_provider,                                                                              \
	  A) /* the gateway's own at a provider: all to couriers, what is open to the vault */     \
	M(s_address, A)                                                                            \
	M(s_resolver, A) /* resolver: whom it asks */                                              \
	M(s_apply, A)	 /* what s_front or s_vault began is whole: it holds from now on */        \
	M(s_confine, A)	 /* it has all that it needs: into the sandbox */                          \
	M(s_start, A)	 /* everything is told: serve */                                           \
	M(s_stop, A)	 /* finish what is in flight, then end */                                  \
	M(s_event, A)	 /* scribe: a line of the gateway's own */                                 \
	M(r_confined, B) /* what holds there */                                                    \
	M(r_ready, B)	 /* the role serves */                                                     \
	M(r_event, B)	 /* scribe: that line is durable, or could not be made so */               \
	M(r_bad_peer, B) /* that process broke the rules of that edge: end it */                   \
	M(s_ping, A)	 /* does its loop turn, and has it heard all that came before? */          \
	M(r_pong, B)	 /* it has */

/*
 * EDGE counts all edges that were ever made, so that nobody is blamed for what his predecessor did. TO_COME: PROC was not started yet; what is said to it waits in the edge, and is the first that it
 * hears.
 */
#define FIELDS_s_peer(F, S)	F(S, U8, proc, PROC_COUNT - 1) F(S, U64, edge, 0) F(S, U8, to_come, 1)
#define FIELDS_s_listener(F, S) F(S, U8, kind, LISTENERS - 1)
#define FIELDS_s_log_dir(F, S)	F(S, U8, unused, 0)
#define FIELDS_s_ca(F, S)	F(S, U8, unused, 0)
#define FIELDS_s_front(F, S)                                                                       \
	F(S, U32, connections_max, UINT32_MAX)                                                     \
	F(S, U32, calls_max, UINT32_MAX) F(S, U8, certificates_required, 1)
/* UP: it is in its sandbox, of which HOLDS says what holds. */
#define FIELDS_s_role(F, S)                                                                        \
	F(S, U8, proc, PROC_COUNT - 1)                                                             \
	F(S, U8, up, 1) F(S, U32, holds, SANDBOX_ALL) F(S, U64, restarts, 0)
#define FIELDS_s_tls(F, S) F(S, U8, part, TLS_PART_COUNT - 1) F(S, BYTES, pem, IPC_PIECE_MAX)
/*
 * Whom the front and the vault know. s_front or s_vault began the list anew, s_apply ends it. PROVIDERS: bit 1 << its place in the table. RATE is calls a second, BURST as many at
 * once, ZONES different zones an hour, IN_FLIGHT calls under way; 0 is no limit.
 */
#define FIELDS_s_caller(F, S)                                                                      \
	F(S, TEXT, name, IPC_CALLER_MAX)                                                           \
	F(S, U32, verbs, VERBS_ALL)                                                                \
	F(S, U64, providers, 0)                                                                    \
	F(S, U8, loosest, POLICY_PROFILES - 1)                                                     \
	F(S, U32, rate, UINT32_MAX)                                                                \
	F(S, U32, burst, UINT32_MAX) F(S, U32, zones, UINT32_MAX) F(S, U32, in_flight, UINT32_MAX)
/* Of the caller that was told last: front. */
#define FIELDS_s_identity(F, S) F(S, U8, kind, IDENTITY_KINDS - 1) F(S, FIXED, id, IDENTITY_BYTES)
/* What a name of httpreq's stands for, and who may use it: bit N % 8 of byte N / 8 is the Nth caller's that was told. */
#define FIELDS_s_httpreq(F, S)                                                                     \
	F(S, TEXT, name, IPC_CALLER_MAX)                                                           \
	F(S, TEXT, handle, INTEGRATION_HANDLE_MAX)                                                 \
	F(S, TEXT, customer, CUSTOMER_MAX)                                                         \
	F(S, LIST, zones, IPC_ZONES_MAX) F(S, FIXED, callers, IPC_CALLERS_MAX / 8)
#define FIELDS_s_vault(F, S)                                                                       \
	F(S, U8, policy_loosest, POLICY_PROFILES - 1)                                              \
	F(S, U8, policy_default, POLICY_PROFILES - 1)                                              \
	F(S, U8, standing_authority, 1)                                                            \
	F(S, LIST, targets, 16 * 1024)                                                             \
	F(S, LIST, authorities, 16 * 1024)                                                         \
	F(S, U32, call_ms, UINT32_MAX)                                                             \
	F(S, U32, integration_rate, UINT32_MAX) F(S, U32, integration_burst, UINT32_MAX)
/* Ids one behind the other, sorted over all of these messages. */
#define FIELDS_s_deny(F, S)	F(S, BYTES, ids, IPC_PIECE_MAX)
#define FIELDS_s_root_key(F, S) F(S, U8, state, KEY_OPEN_ONLY) F(S, FIXED, secret, ROOT_KEY_BYTES)
#define FIELDS_s_provider(F, S)                                                                    \
	F(S, TEXT, provider, PROVIDER_NAME_MAX) F(S, LIST, fields, IPC_CREDENTIALS_MAX)
#define FIELDS_s_scribe(F, S) F(S, U64, segment_bytes, 0) F(S, U64, segment_seconds, 0)
#define FIELDS_s_signer(F, S) F(S, TEXT, name, NOTE_NAME_MAX) F(S, FIXED, seed, NOTE_SEED_BYTES)
#define FIELDS_s_address(F, S)                                                                     \
	F(S, U8, family, 6) F(S, FIXED, a, 16) F(S, U8, bits, 128) F(S, U8, plain_http, 1)
/* SERVERS: "address:port,…"; empty: those of resolv.conf. */
#define FIELDS_s_resolver(F, S) F(S, TEXT, servers, IPC_RESOLVERS_MAX)
#define FIELDS_s_apply(F, S)	F(S, U8, unused, 0)
#define FIELDS_s_confine(F, S)	F(S, BYTES, filter, SANDBOX_FILTER_MAX) F(S, U8, off, 1)
#define FIELDS_r_confined(F, S) F(S, U32, holds, SANDBOX_ALL)
#define FIELDS_s_start(F, S)	F(S, U8, unused, 0)
#define FIELDS_s_stop(F, S)	F(S, U8, unused, 0)
#define FIELDS_s_event(F, S)	F(S, U64, number, 0) F(S, TEXT, event, 40) F(S, TEXT, value, 512)
#define FIELDS_r_ready(F, S)	F(S, U8, unused, 0)
#define FIELDS_r_event(F, S)	F(S, U64, number, 0) F(S, U8, durable, 1)
#define FIELDS_r_bad_peer(F, S) F(S, U8, proc, PROC_COUNT - 1) F(S, U64, edge, 0)
#define FIELDS_s_ping(F, S)	F(S, U64, number, 0)
/* NUMBER is the ping's. The vault's has the calls in flight, and why the gateway cannot serve, or nothing; the others' have nothing. */
#define FIELDS_r_pong(F, S)                                                                        \
	F(S, U64, number, 0) F(S, U32, calls, UINT32_MAX) F(S, TEXT, problem, IPC_REASON_MAX)

/* ---- front (A) ↔ vault (B) ---- */

#define FRONT_VAULT_MESSAGES(M)                                                                    \
	M(fv_make_integration, A)                                                                  \
	M(fv_begin_integration, A)                                                                 \
	M(fv_get_zones, A)                                                                         \
	M(fv_add_record, A)                                                                        \
	M(fv_remove_record, A)                                                                     \
	M(fv_clean_record, A) /* remove without a record handle: what could be overwritten */      \
	M(fv_check_record, A)                                                                      \
	M(fv_inspect_handle, A)                                                                    \
	M(fv_rewrap_handle, A)                                                                     \
	M(fv_metrics, A) /* what is counted behind the front */                                    \
	M(fv_refused, A) /* the front refused a known caller: for the log; no answer */            \
	M(vf_zones, B)	 /* a piece of a list; a last answer follows */                            \
	M(vf_fresh, B)	 /* so is this: a newer handle, for the last answer whatever it says */    \
	M(vf_setup, B)                                                                             \
	M(vf_integration, B)                                                                       \
	M(vf_zones_end, B)                                                                         \
	M(vf_record, B)                                                                            \
	M(vf_removed, B)                                                                           \
	M(vf_checked, B)                                                                           \
	M(vf_handle, B)                                                                            \
	M(vf_rewrapped, B)                                                                         \
	M(vf_metrics, B) /* a piece of a text */                                                   \
	M(vf_error, B)                                                                             \
	M(vf_status, B) /* unasked: whether the gateway can serve */

#define FIELDS_fv_call(F, S)                                                                       \
	F(S, U64, call, 0)                                                                         \
	F(S, TEXT, request_id, IPC_REQUEST_ID_MAX)                                                 \
	F(S, TEXT, caller, IPC_CALLER_MAX)                                                         \
	F(S, TEXT, customer, CUSTOMER_MAX)
#define FIELDS_fv_make_integration(F, S)                                                           \
	FIELDS_fv_call(F, S) F(S, TEXT, provider, PROVIDER_NAME_MAX)                               \
		F(S, LIST, credentials, IPC_CREDENTIALS_MAX) F(S, LIST, zones, IPC_ZONES_MAX)      \
			F(S, U8, policy, IPC_POLICY_DEFAULT) F(S, I64, expires, 0)                 \
				F(S, U8, verify, 1) F(S, TEXT, setup, SETUP_HANDLE_MAX)
#define FIELDS_fv_begin_integration(F, S)                                                          \
	FIELDS_fv_call(F, S) F(S, TEXT, provider, PROVIDER_NAME_MAX)                               \
		F(S, TEXT, redirect_uri, REDIRECT_URI_MAX)
#define FIELDS_fv_get_zones(F, S) FIELDS_fv_call(F, S) F(S, TEXT, handle, INTEGRATION_HANDLE_MAX)
/* ZONES: those that it may lie in, of the handle's; empty: all of these. */
#define FIELDS_fv_record(F, S)                                                                     \
	FIELDS_fv_call(F, S) F(S, TEXT, handle, INTEGRATION_HANDLE_MAX)                            \
		F(S, TEXT, fqdn, IPC_FQDN_MAX) F(S, TEXT, type, IPC_TYPE_MAX)                      \
			F(S, BYTES, value, RECORD_VALUE_MAX) F(S, LIST, zones, IPC_ZONES_MAX)      \
				F(S, U8, follow_cname, 1)
#define FIELDS_fv_add_record(F, S)                                                                 \
	FIELDS_fv_record(F, S) F(S, U8, mode, RECORD_MODES - 1) F(S, U32, ttl, RECORD_TTL_MAX)
#define FIELDS_fv_clean_record(F, S) FIELDS_fv_record(F, S)
#define FIELDS_fv_remove_record(F, S)                                                              \
	FIELDS_fv_call(F, S) F(S, TEXT, handle, INTEGRATION_HANDLE_MAX)                            \
		F(S, TEXT, record_handle, RECORD_HANDLE_MAX)
#define FIELDS_fv_check_record(F, S)                                                               \
	FIELDS_fv_call(F, S) F(S, TEXT, handle, INTEGRATION_HANDLE_MAX)                            \
		F(S, TEXT, record_handle, RECORD_HANDLE_MAX)
#define FIELDS_fv_inspect_handle(F, S)                                                             \
	FIELDS_fv_call(F, S) F(S, TEXT, handle, INTEGRATION_HANDLE_MAX)
#define FIELDS_fv_rewrap_handle(F, S)                                                              \
	FIELDS_fv_call(F, S) F(S, TEXT, handle, INTEGRATION_HANDLE_MAX)
#define FIELDS_fv_metrics(F, S) F(S, U64, call, 0)
#define FIELDS_fv_refused(F, S)                                                                    \
	FIELDS_fv_call(F, S) F(S, U8, verb, VERB_COUNT - 1) F(S, U8, code, CODE_COUNT - 1)         \
		F(S, TEXT, fqdn, IPC_FQDN_MAX) F(S, TEXT, type, IPC_TYPE_MAX)
#define FIELDS_vf_zones(F, S) F(S, U64, call, 0) F(S, LIST, zones, IPC_PIECE_MAX)
#define FIELDS_vf_fresh(F, S) F(S, U64, call, 0) F(S, TEXT, handle, INTEGRATION_HANDLE_MAX)
/* AUTHORIZE_URL, or INSTRUCTIONS: pairs of a name and a text. */
#define FIELDS_vf_setup(F, S)                                                                      \
	F(S, U64, call, 0)                                                                         \
	F(S, TEXT, handle, SETUP_HANDLE_MAX)                                                       \
	F(S, TEXT, authorize_url, IPC_URL_MAX) F(S, LIST, instructions, IPC_INSTRUCTIONS_MAX)
#define FIELDS_vf_integration(F, S) F(S, U64, call, 0) F(S, TEXT, handle, INTEGRATION_HANDLE_MAX)
#define FIELDS_vf_zones_end(F, S)   F(S, U64, call, 0)
/* The change's intent in the log: its index, its leaf hash. */
#define FIELDS_receipt(F, S) F(S, U64, index, 0) F(S, FIXED, leaf, LEAF_HASH_BYTES)
#define FIELDS_vf_record(F, S)                                                                     \
	F(S, U64, call, 0)                                                                         \
	FIELDS_receipt(F, S) F(S, TEXT, handle, RECORD_HANDLE_MAX) F(S, TEXT, zone, DNS_NAME_MAX)  \
		F(S, TEXT, fqdn, DNS_NAME_MAX) F(S, U8, pending, 1)
#define FIELDS_vf_removed(F, S) F(S, U64, call, 0) FIELDS_receipt(F, S) F(S, U8, removed, 1)
/* SERVERS: of each a name, an address or nothing, "true" or "false" for whether the value is there, a problem or nothing. */
#define FIELDS_vf_checked(F, S)                                                                    \
	F(S, U64, call, 0)                                                                         \
	F(S, U8, visible, 1) F(S, U8, pending, 1) F(S, LIST, servers, IPC_SERVERS_MAX)
/* Everything of a handle but its secrets. */
#define FIELDS_vf_handle(F, S)                                                                     \
	F(S, U64, call, 0)                                                                         \
	F(S, U8, kind, HANDLE_KINDS - 1)                                                           \
	F(S, FIXED, key_id, KEY_ID_BYTES)                                                          \
	F(S, FIXED, integration, INTEGRATION_ID_BYTES)                                             \
	F(S, TEXT, provider, PROVIDER_NAME_MAX)                                                    \
	F(S, TEXT, customer, CUSTOMER_MAX)                                                         \
	F(S, LIST, zones, IPC_ZONES_MAX)                                                           \
	F(S, U8, policy, POLICY_PROFILES - 1)                                                      \
	F(S, I64, created, 0)                                                                      \
	F(S, I64, expires, 0)                                                                      \
	F(S, TEXT, zone, DNS_NAME_MAX)                                                             \
	F(S, TEXT, fqdn, DNS_NAME_MAX)                                                             \
	F(S, U8, type, RR_TYPES - 1)                                                               \
	F(S, BYTES, value, RECORD_VALUE_MAX)                                                       \
	F(S, U8, mode, RECORD_MODES - 1)                                                           \
	F(S, U8, found, 1)                                                                         \
	F(S, U64, log_index, 0)                                                                    \
	F(S, FIXED, leaf, LEAF_HASH_BYTES)
#define FIELDS_vf_rewrapped(F, S) F(S, U64, call, 0) F(S, TEXT, handle, INTEGRATION_HANDLE_MAX)
#define FIELDS_vf_metrics(F, S)                                                                    \
	F(S, U64, call, 0) F(S, BYTES, text, IPC_PIECE_MAX) F(S, U8, more, 1)
#define FIELDS_vf_error(F, S)                                                                      \
	F(S, U64, call, 0)                                                                         \
	F(S, U8, code, CODE_COUNT - 1)                                                             \
	F(S, TEXT, field, IPC_FIELD_MAX)                                                           \
	F(S, TEXT, detail, IPC_DETAIL_MAX)                                                         \
	F(S, U32, retry_after, UINT32_MAX)
#define FIELDS_vf_status(F, S) F(S, U8, ready, 1) F(S, TEXT, reason, IPC_REASON_MAX)

/* ---- vault (A) ↔ scribe (B) ---- */

#define VAULT_SCRIBE_MESSAGES(M)                                                                   \
	M(vs_live, A) /* first on a new edge: intents that are still in flight */                  \
	M(vs_line, A)                                                                              \
	M(vs_numbers, A) /* what is counted there, for the front's call */                         \
	M(sv_written, B)                                                                           \
	M(sv_status, B)                                                                            \
	M(sv_numbers, B)

#define FIELDS_vs_live(F, S) F(S, LIST, request_ids, IPC_PIECE_MAX) F(S, U8, more, 1)
/* AGAIN: an outcome whose intent is in the log, and which a scribe may have written before: it is in the log too, unless that intent is open. */
#define FIELDS_vs_line(F, S)                                                                       \
	F(S, U64, token, 0)                                                                        \
	F(S, TEXT, event, 40)                                                                      \
	F(S, TEXT, request_id, IPC_REQUEST_ID_MAX)                                                 \
	F(S, TEXT, caller, IPC_CALLER_MAX)                                                         \
	F(S, TEXT, customer, CUSTOMER_MAX)                                                         \
	F(S, TEXT, integration, 2 * INTEGRATION_ID_BYTES)                                          \
	F(S, TEXT, provider, PROVIDER_NAME_MAX)                                                    \
	F(S, TEXT, zone, DNS_NAME_MAX)                                                             \
	F(S, TEXT, fqdn, IPC_FQDN_MAX)                                                             \
	F(S, TEXT, type, IPC_TYPE_MAX)                                                             \
	F(S, BYTES, value, AUDIT_VALUE_MAX)                                                        \
	F(S, TEXT, mode, 16)                                                                       \
	F(S, TEXT, profile, 16)                                                                    \
	F(S, TEXT, result, 16)                                                                     \
	F(S, TEXT, code, 32)                                                                       \
	F(S, TEXT, provider_record_id, PROVIDER_RECORD_ID_MAX)                                     \
	F(S, LIST, replaced, AUDIT_LINE_MAX)                                                       \
	F(S, I64, duration_ms, 0) F(S, U8, again, 1)
#define FIELDS_sv_written(F, S)                                                                    \
	F(S, U64, token, 0)                                                                        \
	F(S, U8, durable, 1) F(S, U64, seq, 0) F(S, FIXED, leaf, LEAF_HASH_BYTES)
#define FIELDS_sv_status(F, S) F(S, U8, writable, 1) F(S, TEXT, reason, IPC_REASON_MAX)
/* EPOCH: the vault's front_epoch. SYNCS: a struct histogram. SIGNED_AT: seconds since 1970, 0: no checkpoint was made since the scribe began. */
#define FIELDS_vs_numbers(F, S) F(S, U64, call, 0) F(S, U64, epoch, 0)
#define FIELDS_sv_numbers(F, S)                                                                    \
	F(S, U64, call, 0)                                                                         \
	F(S, U64, epoch, 0)                                                                        \
	F(S, FIXED, syncs, sizeof(struct histogram))                                               \
	F(S, U64, lines, 0)                                                                        \
	F(S, U64, failures, 0) F(S, U64, unresolved, 0) F(S, I64, signed_at, 0)

/* ---- vault (A) ↔ planner (B) ---- */

#define VAULT_PLANNER_MESSAGES(M)                                                                  \
	M(vp_op, A)                                                                                \
	M(vp_abort, A) /* no answer is wanted any more */                                          \
	M(pv_zones, B)                                                                             \
	M(pv_replaced, B)                                                                          \
	M(pv_result, B)

/* LOOK: of an OP_ADD, see struct op. */
#define FIELDS_vp_op(F, S)                                                                         \
	F(S, U64, call, 0)                                                                         \
	F(S, TEXT, provider, PROVIDER_NAME_MAX)                                                    \
	F(S, U8, op, OP_KINDS - 1)                                                                 \
	F(S, U8, look, 1)                                                                          \
	F(S, I64, now, 0)                                                                          \
	F(S, LIST, fields, IPC_CREDENTIALS_MAX)                                                    \
	F(S, TEXT, fqdn, DNS_NAME_MAX)                                                             \
	F(S, TEXT, zone, DNS_NAME_MAX)                                                             \
	F(S, TEXT, zone_id, PROVIDER_ID_MAX)                                                       \
	F(S, U8, type, RR_TYPES - 1)                                                               \
	F(S, BYTES, value, RECORD_VALUE_MAX)                                                       \
	F(S, U8, mode, RECORD_MODES - 1)                                                           \
	F(S, U32, ttl, RECORD_TTL_MAX)                                                             \
	F(S, TEXT, record_id, PROVIDER_ID_MAX)
#define FIELDS_vp_abort(F, S)	 F(S, U64, call, 0)
#define FIELDS_pv_zones(F, S)	 F(S, U64, call, 0) F(S, LIST, zones, IPC_PIECE_MAX)
#define FIELDS_pv_replaced(F, S) F(S, U64, call, 0) F(S, LIST, lines, IPC_PIECE_MAX)
#define FIELDS_pv_result(F, S)                                                                     \
	F(S, U64, call, 0)                                                                         \
	F(S, U8, code, CODE_COUNT - 1)                                                             \
	F(S, U32, retry_after, UINT32_MAX)                                                         \
	F(S, TEXT, detail, PROVIDER_DETAIL_MAX)                                                    \
	F(S, U8, changed, 1)                                                                       \
	F(S, U8, found, 1)                                                                         \
	F(S, U8, removed, 1)                                                                       \
	F(S, U8, pending, 1)                                                                       \
	F(S, TEXT, record_id, PROVIDER_ID_MAX)                                                     \
	F(S, TEXT, zone, DNS_NAME_MAX)                                                             \
	F(S, TEXT, zone_id, PROVIDER_ID_MAX)

/* ---- vault (A) ↔ courier (B) ---- */

#define VAULT_COURIER_MESSAGES(M)                                                                  \
	M(vc_trade,                                                                                \
	  A) /* a code of OAuth: for what does it stand? Or a probe: would it be refused? */       \
	M(vc_call, A)	 /* a call begins: its credential; reads only */                           \
	M(vc_change, A)	 /* its intent is durable: changes to this zone too */                     \
	M(vc_end, A)	 /* forget the call */                                                     \
	M(cv_traded, B)	 /* how that went */                                                       \
	M(cv_rotated, B) /* a login gave new fields for the credential, for a fresh handle */      \
	M(cv_begun, B)	 /* it has taken the call on */                                            \
	M(cv_hello, B)	 /* it hears this vault, and its planner: calls may come */

#define FIELDS_vc_trade(F, S)                                                                      \
	F(S, U64, call, 0)                                                                         \
	F(S, U8, probe, 1)                                                                         \
	F(S, TEXT, provider, PROVIDER_NAME_MAX) F(S, LIST, fields, IPC_CREDENTIALS_MAX)
#define FIELDS_cv_traded(F, S)                                                                     \
	F(S, U64, call, 0)                                                                         \
	F(S, U8, code, CODE_COUNT - 1)                                                             \
	F(S, TEXT, detail, PROVIDER_DETAIL_MAX) F(S, LIST, fields, IPC_CREDENTIALS_MAX)
/* CALL: who has just been served with them; or 0. */
#define FIELDS_cv_rotated(F, S)                                                                    \
	F(S, U64, call, 0)                                                                         \
	F(S, FIXED, integration, INTEGRATION_ID_BYTES) F(S, LIST, fields, IPC_CREDENTIALS_MAX)
/* TELL: cv_begun is wanted. */
#define FIELDS_vc_call(F, S)                                                                       \
	F(S, U64, call, 0)                                                                         \
	F(S, TEXT, provider, PROVIDER_NAME_MAX)                                                    \
	F(S, LIST, credentials, IPC_CREDENTIALS_MAX)                                               \
	F(S, FIXED, integration, INTEGRATION_ID_BYTES)                                             \
	F(S, U32, timeout_ms, UINT32_MAX) F(S, U8, tell, 1)
/* ALL_TYPES: a replace, which may remove records of all our types at the name. */
#define FIELDS_vc_change(F, S)                                                                     \
	F(S, U64, call, 0)                                                                         \
	F(S, TEXT, zone_id, PROVIDER_ID_MAX)                                                       \
	F(S, TEXT, zone, DNS_NAME_MAX)                                                             \
	F(S, TEXT, fqdn, DNS_NAME_MAX)                                                             \
	F(S, U8, type, RR_TYPES - 1) F(S, U8, all_types, 1)
#define FIELDS_vc_end(F, S)   F(S, U64, call, 0)
#define FIELDS_cv_begun(F, S) F(S, U64, call, 0)
#define FIELDS_cv_hello(F, S) F(S, U64, call, 0) /* 0 */

/* ---- vault (A) ↔ resolver (B) ---- */

#define VAULT_RESOLVER_MESSAGES(M)                                                                 \
	M(vr_check, A)	/* do the zone's servers show the record? */                               \
	M(vr_follow, A) /* where do CNAMEs at the name lead? */                                    \
	M(vr_abort, A)	/* no answer is wanted any more */                                         \
	M(rv_server, B) /* one of the zone's servers; rv_checked follows */                        \
	M(rv_checked, B)                                                                           \
	M(rv_followed, B)

#define FIELDS_vr_check(F, S)                                                                      \
	F(S, U64, call, 0)                                                                         \
	F(S, TEXT, zone, DNS_NAME_MAX)                                                             \
	F(S, TEXT, fqdn, DNS_NAME_MAX)                                                             \
	F(S, U8, type, RR_TYPES - 1)                                                               \
	F(S, BYTES, value, RECORD_VALUE_MAX) F(S, U32, timeout_ms, UINT32_MAX)
#define FIELDS_vr_follow(F, S)                                                                     \
	F(S, U64, call, 0) F(S, TEXT, fqdn, DNS_NAME_MAX) F(S, U32, timeout_ms, UINT32_MAX)
#define FIELDS_vr_abort(F, S) F(S, U64, call, 0)
/* ADDRESS: empty when none of the name was found. */
#define FIELDS_rv_server(F, S)                                                                     \
	F(S, U64, call, 0)                                                                         \
	F(S, TEXT, name, DNS_NAME_MAX)                                                             \
	F(S, TEXT, address, IPC_ADDRESS_MAX)                                                       \
	F(S, U8, visible, 1) F(S, U8, problem, SERVER_PROBLEMS - 1)
/* CODE: what kept it from finding the servers; or CODE_OK. */
#define FIELDS_rv_checked(F, S)                                                                    \
	F(S, U64, call, 0) F(S, U8, visible, 1) F(S, U8, code, CODE_COUNT - 1)
/* FQDN: the name that is no CNAME. */
#define FIELDS_rv_followed(F, S)                                                                   \
	F(S, U64, call, 0)                                                                         \
	F(S, TEXT, fqdn, DNS_NAME_MAX)                                                             \
	F(S, U8, code, CODE_COUNT - 1) F(S, TEXT, detail, PROVIDER_DETAIL_MAX)

/* ---- planner (A) ↔ courier (B) ---- */

#define PLANNER_COURIER_MESSAGES(M)                                                                \
	M(pc_exchange, A)                                                                          \
	M(pc_body, A) /* the next piece of a request's body */                                     \
	M(cp_answer, B)                                                                            \
	M(cp_body, B) /* the next piece of an answer's body */                                     \
	M(cp_failed, B)

#define FIELDS_pc_exchange(F, S)                                                                   \
	F(S, U64, call, 0)                                                                         \
	F(S, U32, number, 255)                                                                     \
	F(S, LIST, args, 4 * 1024)                                                                 \
	F(S, LIST, query, 8 * 1024)                                                                \
	F(S, LIST, headers, 4 * 1024)                                                              \
	F(S, BYTES, body, IPC_PIECE_MAX)                                                           \
	F(S, U8, more, 1)
#define FIELDS_pc_body(F, S) F(S, U64, call, 0) F(S, BYTES, body, IPC_PIECE_MAX) F(S, U8, more, 1)
#define FIELDS_cp_answer(F, S)                                                                     \
	F(S, U64, call, 0)                                                                         \
	F(S, U32, status, 999)                                                                     \
	F(S, U8, has_retry_after, 1)                                                               \
	F(S, U32, retry_after, UINT32_MAX)                                                         \
	F(S, LIST, headers, IPC_HEADERS_MAX)                                                       \
	F(S, BYTES, body, IPC_PIECE_MAX)                                                           \
	F(S, U8, more, 1)
#define FIELDS_cp_body(F, S) F(S, U64, call, 0) F(S, BYTES, body, IPC_PIECE_MAX) F(S, U8, more, 1)
#define FIELDS_cp_failed(F, S)                                                                     \
	F(S, U64, call, 0)                                                                         \
	F(S, U8, code, CODE_COUNT - 1) F(S, U8, sent, 1) F(S, TEXT, detail, PROVIDER_DETAIL_MAX)

/* ---- what is made of the lists ---- */

enum side { SIDE_A, SIDE_B };

#define WIRE_C_U8(name, cap)		uint8_t name;
#define WIRE_C_U32(name, cap)		uint32_t name;
#define WIRE_C_U64(name, cap)		uint64_t name;
#define WIRE_C_I64(name, cap)		int64_t name;
#define WIRE_C_TEXT(name, cap)		struct bytes name;
#define WIRE_C_BYTES(name, cap)		struct bytes name;
#define WIRE_C_LIST(name, cap)		struct bytes name;
#define WIRE_C_FIXED(name, cap)		unsigned char name[cap];
#define WIRE_MEMBER(S, type, name, cap) WIRE_C_##type(name, cap)

#define M(name, side)                                                                              \
	struct name {                                                                              \
		FIELDS_##name(WIRE_MEMBER, name)                                                   \
	};
SUPERVISOR_MESSAGES(M)
FRONT_VAULT_MESSAGES(M)
VAULT_SCRIBE_MESSAGES(M)
VAULT_PLANNER_MESSAGES(M)
VAULT_COURIER_MESSAGES(M)
VAULT_RESOLVER_MESSAGES(M)
PLANNER_COURIER_MESSAGES(M)
#undef M

#define M(name, side) MSG_##name,
enum { SUPERVISOR_MESSAGES(M) SUPERVISOR_MESSAGE_COUNT };
enum { FRONT_VAULT_MESSAGES(M) FRONT_VAULT_MESSAGE_COUNT };
enum { VAULT_SCRIBE_MESSAGES(M) VAULT_SCRIBE_MESSAGE_COUNT };
enum { VAULT_PLANNER_MESSAGES(M) VAULT_PLANNER_MESSAGE_COUNT };
enum { VAULT_COURIER_MESSAGES(M) VAULT_COURIER_MESSAGE_COUNT };
enum { VAULT_RESOLVER_MESSAGES(M) VAULT_RESOLVER_MESSAGE_COUNT };
enum { PLANNER_COURIER_MESSAGES(M) PLANNER_COURIER_MESSAGE_COUNT };
#undef M

struct edge_row {
	struct wire_msg msg;
	enum side sender;
};

struct edge {
	const char *name;
	const struct edge_row *rows; /* by message number */
	size_t count;
};

/* SIDE_A is the supervisor, the front, the vault, or the planner: whoever is named first. */
extern const struct edge edge_supervisor, edge_front_vault, edge_vault_scribe, edge_vault_planner,
	edge_vault_courier, edge_vault_resolver, edge_planner_courier;

/* The largest struct of any message. */
#define EDGE_STRUCT_MAX 512
