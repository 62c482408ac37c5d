#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Run a program as a container runtime would, short of its namespaces: contained.py ROOT UID GID PROGRAM [ARGUMENT...]

No capabilities, no new privileges, 64 KiB of memory to lock, and none but the system calls of a runtime's default profile.
"""
import ctypes
import os
import resource
import sys

ALLOWED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../vectors/containers/seccomp-allowed.txt")
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
SCMP_ACT_ALLOW, SCMP_ACT_ENOSYS = 0x7FFF0000, 0x00050000 | 38


def check(result, what):
    if result < 0:
        sys.exit("contained.py: %s: %s" % (what, os.strerror(-result)))


def drop_privileges(uid, gid):
    libc = ctypes.CDLL(None, use_errno=True)
    capability = 0
    while libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def make_profile():
    """What is to be called to enter it. All files are read here."""
    lib = ctypes.CDLL("libseccomp.so.2")
    lib.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(lib.seccomp_init(ctypes.c_uint32(SCMP_ACT_ENOSYS)))
    with open(ALLOWED) as f:
        for name in f.read().split():
            number = lib.seccomp_syscall_resolve_name(name.encode())
            if number >= 0:  # else it is another machine's
                check(lib.seccomp_rule_add(context, ctypes.c_uint32(SCMP_ACT_ALLOW), number, 0), name)
    return lambda: check(lib.seccomp_load(context), "seccomp_load")


def main():
    root, uid, gid, program = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    enter_profile = make_profile()
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, 65536))
    if root != "/":
        os.chroot(root)
        os.chdir("/")
    drop_privileges(uid, gid)
    enter_profile()
    os.execv(program[0], program)


if __name__ == "__main__":
    main()
