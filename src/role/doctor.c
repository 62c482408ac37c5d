/* SPDX-License-Identifier: ISC */
#include "role/doctor.h"

#include "role/child.h"
#include "role/confine.h"
#include "sys/log.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 10000

struct patient {
	struct child child;
	struct doctor_role *role;
	struct loop *loop;
	struct loop_timer patience;
};

static void on_control(void *arg, struct channel *c, uint16_t number, const void *msg, int fd)
{
	struct patient *p = arg;

	if (fd >= 0)
		close(fd);
	if (number != MSG_r_confined)
		return;
	p->role->answered = true;
	p->role->holds = ((const struct r_confined *)msg)->holds;
	loop_stop(p->loop);
}

static void on_closed(void *arg, struct channel *c, bool bad)
{
	struct patient *p = arg;

	loop_stop(p->loop);
}

static void on_patience(void *arg)
{
	struct patient *p = arg;

	loop_stop(p->loop);
}

/* What it needs to go into the sandbox: no more than that is told. */
static int tell(struct patient *p, int dir_fd)
{
	struct buf filter = BUF_INIT(SANDBOX_FILTER_MAX);
	int r = confine_filter(p->child.proc, p->child.pid, &filter);

	if (p->child.proc == PROC_SCRIBE)
		channel_send_fd(&p->child.control, MSG_s_log_dir, &(const struct s_log_dir){0},
				dir_fd);
	if (r >= 0)
		channel_send(&p->child.control, s_confine, .filter = buf_bytes(&filter));
	buf_done(&filter);
	return r < 0 ? r : 0;
}

static int ask(struct loop *loop, enum proc proc, int exe_fd, int dir_fd, uint32_t uid,
	       struct doctor_role *out)
{
	struct patient p = {.child = {.proc = proc},
			    .role = out,
			    .loop = loop,
			    .patience = {.fn = on_patience, .arg = &p}};
	int r;

	channel_init(&p.child.control, loop, &edge_supervisor, SIDE_A, on_control, on_closed, &p);
	r = child_start(&p.child, loop, exe_fd, uid);
	if (r < 0)
		return r;
	r = tell(&p, dir_fd);
	if (r == 0)
		r = loop_timer_set(loop, &p.patience, PATIENCE_MS);
	if (r == 0)
		r = loop_run(loop, NULL, NULL);
	loop_timer_clear(loop, &p.patience);
	kill(p.child.pid, SIGKILL);
	waitpid(p.child.pid, NULL, 0);
	child_ended(&p.child);
	return r;
}

int doctor_ask(uint32_t uid_base, struct doctor_role roles[PROC_COUNT])
{
	int exe_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int dir_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct loop *loop = NULL;
	int r = exe_fd < 0 || dir_fd < 0 ? -errno : loop_new(&loop);

	for (enum proc p = PROC_FRONT; p < PROC_COUNT && r == 0; p++) {
		roles[p] = (struct doctor_role){0};
		r = ask(loop, p, exe_fd, dir_fd, geteuid() == 0 ? uid_base + (uint32_t)p : 0,
			&roles[p]);
	}
	if (loop)
		loop_free(loop);
	if (exe_fd >= 0)
		close(exe_fd);
	if (dir_fd >= 0)
		close(dir_fd);
	return r;
}
