/* SPDX-License-Identifier: ISC */
#pragma once

/* What the parts of micro share. micro.c: measuring and the table. One file for each group of rows. */
#include "base/buf.h"
#include "count.h"

#include <stdbool.h>
#include <stdint.h>

/* N operations. */
typedef void micro_fn(void *arg, uint64_t n);

/* Print a row: nanoseconds, allocations and bytes of one operation of FN. FMT: what it is. */
void micro_run(micro_fn *fn, void *arg, const char *fmt, ...) printf_like(3, 4);
/* What another process counts is counted in, from now on; NULL: not any more. It lies in shared memory. */
void micro_count_also(const struct counts *also);
/* A line of text below the last row. */
void micro_note(const char *fmt, ...) printf_like(1, 2);
/* This process runs on that core alone. */
void micro_pin(int cpu);
/* What cannot fail here did: say so and end. */
void must(bool ok, const char *what);

/* ---- what an add_record is about ---- */

#define SAMPLE_CUSTOMER "customer-42"
#define SAMPLE_ZONE	"example.com"
#define SAMPLE_FQDN	"_acme-challenge.www.example.com"
#define SAMPLE_VALUE	"gfj9Xq-Rg85nM0Zqv1Cq3qJ5nV0Yl8mE2Jb3lT0r9wA"
#define SAMPLE_ID	"023e105f4ecef8ad9ca31a8372d0c353" /* as Cloudflare's are */
#define SAMPLE_REQUEST	"5f1c0a9e3b7d4862a1c5e9f03d7b2846"

/* Handles for these, sealed once; an integration of Cloudflare's. */
struct bytes sample_integration_handle(void);
struct bytes sample_record_handle(void);
/* The credentials in it. */
struct bytes sample_credentials(void);
/* Cloudflare's answers: a page of SAMPLE_ZONES zones; to an add. */
#define SAMPLE_ZONES 50
struct bytes sample_zones(void);
struct bytes sample_added(void);

/* ---- the groups ---- */

void micro_kernel(void);
void micro_seal(void);
void micro_codec(void);
void micro_front(void);
void micro_planner(void);
void micro_courier(void);
void micro_policy(void);
void micro_log(void);
void micro_ipc(void);
