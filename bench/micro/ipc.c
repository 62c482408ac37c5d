/* SPDX-License-Identifier: ISC */
/* Two processes with a loop and a channel each, as roles have them: vs_line there, sv_written back. */
#include "micro.h"

#include "ipc/channel.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct asker {
	struct loop *loop;
	struct channel channel;
	uint64_t in_flight; /* at most */
	uint64_t to_send, to_hear;
};

static void ask(struct asker *a)
{
	a->to_send--;
	channel_send(&a->channel, vs_line, .token = a->to_send, .event = BYTES("add_record.intent"),
		     .request_id = BYTES(SAMPLE_REQUEST), .caller = BYTES("backend"),
		     .customer = BYTES(SAMPLE_CUSTOMER), .integration = BYTES(SAMPLE_ID),
		     .provider = BYTES("cloudflare"), .zone = BYTES(SAMPLE_ZONE),
		     .fqdn = BYTES(SAMPLE_FQDN), .type = BYTES("TXT"), .value = BYTES(SAMPLE_VALUE),
		     .mode = BYTES("coexist"), .profile = BYTES("guarded"), .duration_ms = -1);
}

static void on_answer(void *arg, struct channel *c, uint16_t number, const void *msg, int fd)
{
	struct asker *a = arg;

	if (a->to_send)
		ask(a);
	if (--a->to_hear == 0)
		loop_stop(a->loop);
}

static void on_gone(void *arg, struct channel *c, bool bad)
{
	must(false, "the other process");
}

static void round_trips(void *arg, uint64_t n)
{
	struct asker *a = arg;

	a->to_send = a->to_hear = n;
	for (uint64_t i = 0; i < a->in_flight && a->to_send; i++)
		ask(a);
	must(loop_run(a->loop, NULL, NULL) == 0, "loop");
}

/* ---- the other process ---- */

static void on_line(void *arg, struct channel *c, uint16_t number, const void *msg, int fd)
{
	const struct vs_line *m = msg;

	channel_send(c, sv_written, .token = m->token, .durable = 1);
}

static void on_asker_gone(void *arg, struct channel *c, bool bad)
{
	loop_stop(arg);
}

static _Noreturn void answer(int fd, int cpu, struct counts *shared)
{
	struct channel channel;
	struct loop *loop;

	micro_pin(cpu);
	counts = shared;
	must(loop_new(&loop) == 0, "loop");
	channel_init(&channel, loop, &edge_vault_scribe, SIDE_B, on_line, on_asker_gone, loop);
	must(channel_open(&channel, fd) == 0 && loop_run(loop, NULL, NULL) == 0, "channel");
	_exit(0);
}

/* ---- rows ---- */

static void rows(const char *where, int cpu, int other_cpu)
{
	struct counts *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct asker a = {.in_flight = 1};
	int fds[2];
	pid_t pid;

	must(shared != MAP_FAILED && channel_pair(fds) == 0, "pair");
	pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0) {
		close(fds[0]);
		answer(fds[1], other_cpu, shared);
	}
	close(fds[1]);
	micro_pin(cpu);
	must(loop_new(&a.loop) == 0, "loop");
	channel_init(&a.channel, a.loop, &edge_vault_scribe, SIDE_A, on_answer, on_gone, &a);
	must(channel_open(&a.channel, fds[0]) == 0, "channel");
	micro_count_also(shared);
	for (a.in_flight = 1; a.in_flight <= 64; a.in_flight *= 64)
		micro_run(round_trips, &a, "%s, in flight: %u", where, (unsigned)a.in_flight);
	micro_count_also(NULL);
	channel_close(&a.channel);
	loop_free(a.loop);
	must(waitpid(pid, NULL, 0) == pid, "waitpid");
	munmap(shared, sizeof(*shared));
}

void micro_ipc(void)
{
	cpu_set_t before;
	int cpus[2], n = 0;

	must(sched_getaffinity(0, sizeof(before), &before) == 0, "sched_getaffinity");
	for (int i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET(i, &before))
			cpus[n++] = i;
	rows("on one core", cpus[0], cpus[0]);
	if (n == 2)
		rows("on two cores", cpus[0], cpus[1]);
	else
		micro_note("on two cores: there is but one");
	must(sched_setaffinity(0, sizeof(before), &before) == 0, "sched_setaffinity");
}
