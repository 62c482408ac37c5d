/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Calls that fail when a test says so. Each test lists its own, FAULT(…), and is linked with --wrap for them (meson.build, unit_wraps): then what
 * the code under test calls is the __wrap_ here.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	const char *name; /* NULL: none, or it was met */
	unsigned skip;	  /* calls of it that go well first */
	int error;
} faults[4];

/* Call number SKIP (from 0) of NAME from now on fails with ERROR; the others go well. Several names may be set at once. */
static inline void fault_set(const char *name, unsigned skip, int error)
{
	size_t i = 0;

	while (faults[i].name)
		assert_true(++i < ARRAY_LEN(faults));
	faults[i].name = name;
	faults[i].skip = skip;
	faults[i].error = error;
}

/* Were there all those calls? None fails any more. */
static inline bool fault_met(void)
{
	bool met = true;

	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		met = met && !faults[i].name;
		faults[i].name = NULL;
	}
	return met;
}

static inline bool fault_due(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		if (!faults[i].name || strcmp(faults[i].name, name) != 0)
			continue;
		if (faults[i].skip > 0) {
			faults[i].skip--;
			return false;
		}
		faults[i].name = NULL;
		errno = faults[i].error;
		return true;
	}
	return false;
}

/* FAULT(int, -1, dup, (int fd), (fd)) */
#define FAULT(type, failed, name, parameters, arguments)                                           \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		return fault_due(#name) ? failed : __real_##name arguments;                        \
	}

/* For what comes after the code under test. */
static inline void fault_none(void)
{
	(void)fault_met();
}

static pid_t faults_parent; /* 0: nobody forked yet */

/* Teardown of a test that forks: should it fail in the child, the child is not to go on with the other tests. */
static inline int fault_no_child(void **state)
{
	if (faults_parent && getpid() != faults_parent)
		_exit(98);
	return 0;
}

/* How a process ends that does FN(ARG): its status as waitpid() gives it. QUIET: what it says goes nowhere. */
static inline int fork_for(void (*fn)(void *arg), void *arg, bool quiet)
{
	int status, null;
	pid_t pid;

	fflush(NULL); /* or the child would say it again */
	faults_parent = getpid();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		if ((quiet && dup3(null, STDERR_FILENO, O_CLOEXEC) < 0) || atexit(fault_none) != 0)
			_exit(99);
		close(null);
		fn(arg);
		exit(0); /* not _exit(): what was run of the code is counted on the way out */
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static inline int end_of(void (*fn)(void *arg), void *arg)
{
	return fork_for(fn, arg, true);
}

/* It ends by log_fatal(), not by a signal and not by itself. */
static inline void assert_fatal(void (*fn)(void *arg), void *arg)
{
	int status = end_of(fn, arg);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
}
