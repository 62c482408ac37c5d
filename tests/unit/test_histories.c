/* SPDX-License-Identifier: ISC */
/*
 * Random histories of two gateways that share nothing, at a provider with compare-and-swap: customers add and remove values at the same names, other writers come between any two
 * requests, answers get lost before or after the change, requests arrive twice. Whoever is told nothing certain asks again. In the end DNS holds exactly what was promised.
 *
 * With the compare-and-swap switched off, and with a gateway that takes every answer for a success, the same histories must go wrong: else this would show nothing.
 */
#include "test.h"

#include "provider/kit.h"
#include "simulate.h"

#define HISTORIES 1000
#define CUSTOMERS 6
#define NAMES	  3
#define STEPS	  600 /* until the faults stop */
#define PATIENCE  4000

/* ---- chance ---- */

static uint64_t chance_state;

static unsigned chance(unsigned n)
{
	chance_state ^= chance_state << 13;
	chance_state ^= chance_state >> 7;
	chance_state ^= chance_state << 17;
	return (unsigned)(chance_state >> 33) % n;
}

/* ---- who wants what ---- */

static const char *const names[NAMES] = {"_acme-challenge." SIM_ZONE,
					 "_acme-challenge.www." SIM_ZONE,
					 "_acme-challenge.only." SIM_ZONE};

enum want { WANT_ADDED, WANT_REMOVED, CONTENT };

/*
 * Adds a value of his own, perhaps one that another wants too; then perhaps removes it. One engine after the other, each a try. A request is on its way, then answered.
 */
struct customer {
	const char *name;
	char value[16];
	enum record_mode mode;
	bool will_remove;
	enum want want;
	bool running, sent, answered;
	struct engine engine;
	struct engine_request request;
	unsigned status;
	struct buf body;
	unsigned began,
		ended; /* of the add, in steps: from its first try to the good end of its last */
};

struct history {
	const struct provider *provider;
	struct sim sim;
	struct customer customers[CUSTOMERS];
	bool faults;
	unsigned now;
	bool foreign[NAMES][4]; /* values "f0" to "f3" of somebody else, that are there */
};

static void begin_try(struct history *h, struct customer *c)
{
	struct op *op = &c->engine.op;

	engine_init(&c->engine, h->provider, c->want == WANT_ADDED ? OP_ADD : OP_REMOVE);
	if (dns_name_parse(&op->fqdn, bytes_str(c->name)) != 0 ||
	    dns_name_parse(&op->zone, BYTES(SIM_ZONE)) != 0)
		abort();
	op->type = RR_TXT;
	op->value = bytes_str(c->value);
	op->mode = c->mode;
	buf_puts(&op->zone_id, sim_zone_id(&h->sim));
	if (c->want == WANT_ADDED && !c->began)
		c->began = h->now;
	c->running = true;
}

/* The operation is over: is its end certain? */
static void end_try(struct history *h, struct customer *c)
{
	bool good = c->engine.op.error == CODE_OK;

	engine_done(&c->engine);
	c->running = false;
	if (!good)
		return;
	if (c->want == WANT_ADDED)
		c->ended = h->now;
	c->want = c->want == WANT_ADDED && c->will_remove ? WANT_REMOVED : CONTENT;
}

/* ---- faults ---- */

enum fault { NONE, LOST_BEFORE, LOST_AFTER, BUSY_BEFORE, BUSY_AFTER, TWICE, CUT, SLOW, FAULTS };

/* Somebody else, who knows how to write. Never at the name that a replace empties. */
static void interfere(struct history *h)
{
	unsigned name = chance(NAMES - 1), k = chance(4);
	char text[16];

	snprintf(text, sizeof(text), "f%u", k);
	h->foreign[name][k] = !h->foreign[name][k];
	(h->foreign[name][k] ? sim_add : sim_remove)(&h->sim, names[name], text);
}

static void answer_with(struct customer *c, unsigned status, const char *body)
{
	c->status = status;
	buf_reset(&c->body);
	buf_puts(&c->body, body);
}

/* The request arrives, or does not; what is answered to it waits in C. False: nothing will be. */
static bool arrive(struct history *h, struct customer *c)
{
	enum fault f = h->faults ? (enum fault)chance(FAULTS * 3) : NONE;

	if (f == LOST_BEFORE)
		return false;
	if (f == BUSY_BEFORE || f == SLOW) {
		answer_with(c, f == SLOW ? 429 : 503, "busy");
		return true;
	}
	sim_serve(&h->sim, &c->engine.op, &c->request, &c->status, &c->body);
	if (f == TWICE) {
		buf_reset(&c->body);
		sim_serve(&h->sim, &c->engine.op, &c->request, &c->status, &c->body);
	}
	if (f == BUSY_AFTER)
		answer_with(c, 500, "oops");
	if (f == CUT)
		buf_truncate(&c->body, c->body.n / 2);
	return f != LOST_AFTER;
}

/* ---- a step of somebody ---- */

static void hear(struct customer *c)
{
	struct answer a = {.status = c->status, .body = buf_bytes(&c->body)};

	if (engine_feed(&c->engine, &a) != 0)
		abort();
	c->answered = false;
	buf_reset(&c->body);
}

static void step(struct history *h, struct customer *c)
{
	int more;

	h->now++;
	if (!c->running) {
		if (c->want != CONTENT)
			begin_try(h, c);
	} else if (c->answered) {
		hear(c);
	} else if (c->sent) {
		c->sent = false;
		c->answered = arrive(h, c);
		if (!c->answered) {
			engine_lost(&c->engine, CODE_PROVIDER_TIMEOUT, true, "lost");
			buf_reset(&c->body);
		}
	} else {
		more = engine_next(&c->engine, &c->request);
		if (more < 0)
			abort();
		c->sent = more == ENGINE_SEND;
		if (!c->sent)
			end_try(h, c);
	}
}

static bool all_content(const struct history *h)
{
	for (size_t i = 0; i < CUSTOMERS; i++)
		if (h->customers[i].want != CONTENT)
			return false;
	return true;
}

/* ---- what must be in the end ---- */

/* Of those who wanted the value: has anybody left it there, has anybody taken it away? */
static const char *check_value(const struct history *h, const struct customer *c)
{
	bool there = sim_has(&h->sim, c->name, c->value), left = false, removed = false;

	for (size_t i = 0; i < CUSTOMERS; i++) {
		const struct customer *o = &h->customers[i];

		if (o->name == c->name && strcmp(o->value, c->value) == 0) {
			left = left || !o->will_remove;
			removed = removed || o->will_remove;
		}
	}
	if (left && !removed && !there)
		return "a value that was added is not there";
	if (removed && !left && there)
		return "a value that was removed is there";
	return NULL;
}

/* At the name of replaces stands one value, of one that none followed. */
static const char *check_replaced(const struct history *h)
{
	const struct customer *last = NULL;

	for (size_t i = 0; i < CUSTOMERS; i++)
		if (h->customers[i].mode == MODE_REPLACE &&
		    sim_has(&h->sim, h->customers[i].name, h->customers[i].value))
			last = &h->customers[i];
	for (size_t i = 0; i < CUSTOMERS; i++) {
		const struct customer *o = &h->customers[i];

		if (o->mode != MODE_REPLACE)
			continue;
		if (!last || sim_count(&h->sim, o->name) != 1)
			return "there is not just the one value that replaced the others";
		if (o->began > last->ended && strcmp(o->value, last->value) != 0)
			return "a later replace is undone";
	}
	return NULL;
}

static const char *check(const struct history *h)
{
	char text[16];

	if (h->sim.complaint)
		return h->sim.complaint;
	for (size_t n = 0; n < NAMES; n++) {
		size_t expected = 0;

		for (unsigned k = 0; k < 4; k++) {
			snprintf(text, sizeof(text), "f%u", k);
			if (sim_has(&h->sim, names[n], text) != h->foreign[n][k])
				return "a value of somebody else is not as he left it";
			expected += h->foreign[n][k];
		}
		for (size_t i = 0; i < CUSTOMERS; i++) {
			bool first = true;

			for (size_t k = 0; k < i; k++)
				first = first &&
					(h->customers[k].name != names[n] ||
					 strcmp(h->customers[k].value, h->customers[i].value) != 0);
			expected += first && h->customers[i].name == names[n] &&
				    sim_has(&h->sim, names[n], h->customers[i].value);
		}
		if (sim_count(&h->sim, names[n]) != expected)
			return "there is what nobody asked for, or something twice";
	}
	for (size_t i = 0; i < CUSTOMERS; i++) {
		const struct customer *c = &h->customers[i];
		const char *why = c->mode == MODE_REPLACE ? NULL : check_value(h, c);

		if (why)
			return why;
	}
	return check_replaced(h);
}

/* ---- a history ---- */

static void begin(struct history *h, const struct provider *p, enum sim_mode mode)
{
	*h = (struct history){.provider = p, .faults = true};
	sim_init(&h->sim, p, mode);
	for (size_t i = 0; i < CUSTOMERS; i++) {
		struct customer *c = &h->customers[i];
		bool replace = chance(4) == 0;

		c->name = replace ? names[NAMES - 1] : names[chance(NAMES - 1)];
		c->mode = replace ? MODE_REPLACE : MODE_COEXIST;
		c->will_remove = !replace && chance(2);
		snprintf(c->value, sizeof(c->value), "v%u", chance(8) ? (unsigned)i : 0);
		c->body = BUF_INIT(1u << 20);
	}
}

/* NULL when all is well. Each customer is at a gateway of his own, so that there are more than two: engines share nothing. */
static const char *run(const struct provider *p, enum sim_mode mode, uint64_t seed)
{
	struct history h;
	const char *why = NULL;

	chance_state = seed * 0x9e3779b97f4a7c15u + 1;
	begin(&h, p, mode);
	while (h.now < PATIENCE && !(all_content(&h) && !h.faults)) {
		h.faults = h.now < STEPS && !all_content(&h);
		if (h.faults && chance(12) == 0)
			interfere(&h);
		step(&h, &h.customers[chance(CUSTOMERS)]);
	}
	why = all_content(&h) ? check(&h) : "somebody never came to an end";
	for (size_t i = 0; i < CUSTOMERS; i++) {
		if (h.customers[i].running)
			engine_done(&h.customers[i].engine);
		buf_done(&h.customers[i].body);
	}
	sim_done(&h.sim);
	return why;
}

static const struct provider *const simulated[] = {&provider_route53, &provider_googleclouddns,
						   &provider_azuredns};

static void test_histories(void **state)
{
	const struct provider *p = *state;

	for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
		const char *why = run(p, SIM_TRUE, seed);

		if (why)
			fail_msg("%s, history %llu: %s", p->name, (unsigned long long)seed, why);
	}
}

/* The same histories, where they must go wrong; how often they do is for whoever reads this. */
static void count_wrong(const struct provider *p, enum sim_mode mode, const char *what)
{
	unsigned wrong = 0;

	for (uint64_t seed = 1; seed <= HISTORIES / 5; seed++)
		wrong += run(p, mode, seed) != NULL;
	print_message("# %s, %s: %u of %u histories go wrong\n", p->name, what, wrong,
		      HISTORIES / 5);
	assert_true(wrong > HISTORIES / 5 / 10);
}

static void test_without_compare_and_swap(void **state)
{
	count_wrong(*state, SIM_BLIND, "the last writer wins");
}

static void test_deaf(void **state)
{
	count_wrong(*state, SIM_LIES, "lost races are not noticed");
}

int main(void)
{
	struct CMUnitTest tests[3 * ARRAY_LEN(simulated)];
	static char test_names[3 * ARRAY_LEN(simulated)][80];
	static const struct {
		const char *name;
		CMUnitTestFunction fn;
	} kinds[] = {{"histories", test_histories},
		     {"histories without compare-and-swap", test_without_compare_and_swap},
		     {"histories of the deaf", test_deaf}};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(simulated); i++)
		for (size_t k = 0; k < ARRAY_LEN(kinds); k++, n++) {
			snprintf(test_names[n], sizeof(test_names[n]), "%s: %s", simulated[i]->name,
				 kinds[k].name);
			tests[n] = (struct CMUnitTest){.name = test_names[n],
						       .test_func = kinds[k].fn,
						       .initial_state = (void *)simulated[i]};
		}
	return cmocka_run_group_tests_name("histories", tests, NULL, NULL);
}
