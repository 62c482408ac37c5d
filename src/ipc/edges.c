/* SPDX-License-Identifier: ISC */
#include "ipc/edges.h"

#include <assert.h>

static const char *const proc_names[] = {
#define X(id, name) [PROC_##id] = name,
	PROC_LIST(X)
#undef X
};

const char *proc_name(enum proc p)
{
	return (unsigned)p < PROC_COUNT ? proc_names[p] : "?";
}

enum proc proc_by_name(const char *name)
{
	enum proc p = PROC_SUPERVISOR;

	while (p < PROC_COUNT && strcmp(proc_names[p], name) != 0)
		p++;
	return p;
}

static const char *const verb_texts[] = {
#define X(id, text) [VERB_##id] = text,
	VERB_LIST(X)
#undef X
};

const char *verb_text(enum verb v)
{
	return (unsigned)v < VERB_COUNT ? verb_texts[v] : "?";
}

enum verb verb_parse(struct bytes in)
{
	enum verb v = 0;

	while (v < VERB_COUNT && !bytes_is(in, verb_texts[v]))
		v++;
	return v;
}

static const char *const problem_texts[] = {
#define X(id, text) [SERVER_##id] = text,
	SERVER_PROBLEM_LIST(X)
#undef X
};

const char *server_problem_text(enum server_problem p)
{
	return (unsigned)p < SERVER_PROBLEMS ? problem_texts[p] : "?";
}

#define FIELD(S, type_, name_, cap_)                                                               \
	{.name = #name_, .type = WIRE_##type_, .offset = offsetof(struct S, name_), .cap = cap_},

#define M(name_, side_)                                                                            \
	static_assert(sizeof(struct name_) <= EDGE_STRUCT_MAX, #name_);                            \
	static const struct wire_field fields_##name_[] = {FIELDS_##name_(FIELD, name_)};
SUPERVISOR_MESSAGES(M)
FRONT_VAULT_MESSAGES(M)
VAULT_SCRIBE_MESSAGES(M)
VAULT_PLANNER_MESSAGES(M)
VAULT_COURIER_MESSAGES(M)
VAULT_RESOLVER_MESSAGES(M)
PLANNER_COURIER_MESSAGES(M)
#undef M

#define M(name_, side_)                                                                            \
	[MSG_##name_] = {                                                                          \
		.msg = {.name = #name_,                                                            \
			.size = sizeof(struct name_),                                              \
			.fields = fields_##name_,                                                  \
			.nfields = ARRAY_LEN(fields_##name_)},                                     \
		.sender = SIDE_##side_,                                                            \
	},
static const struct edge_row supervisor_rows[] = {SUPERVISOR_MESSAGES(M)};
static const struct edge_row front_vault_rows[] = {FRONT_VAULT_MESSAGES(M)};
static const struct edge_row vault_scribe_rows[] = {VAULT_SCRIBE_MESSAGES(M)};
static const struct edge_row vault_planner_rows[] = {VAULT_PLANNER_MESSAGES(M)};
static const struct edge_row vault_courier_rows[] = {VAULT_COURIER_MESSAGES(M)};
static const struct edge_row vault_resolver_rows[] = {VAULT_RESOLVER_MESSAGES(M)};
static const struct edge_row planner_courier_rows[] = {PLANNER_COURIER_MESSAGES(M)};
#undef M

#define EDGE(name_)                                                                                \
	const struct edge edge_##name_ = {                                                         \
		.name = #name_, .rows = name_##_rows, .count = ARRAY_LEN(name_##_rows)}
EDGE(supervisor);
EDGE(front_vault);
EDGE(vault_scribe);
EDGE(vault_planner);
EDGE(vault_courier);
EDGE(vault_resolver);
EDGE(planner_courier);
