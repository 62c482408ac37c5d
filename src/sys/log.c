/* SPDX-License-Identifier: ISC */
#include "sys/log.h"

#include "base/text.h"
#include "sys/loop.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MESSAGE_MAX 1024
/* A byte becomes six at most, and some 150 are round about. */
#define LINE_LEN_MAX (6 * MESSAGE_MAX + 200)
#define ENVIRONMENT  "POSTERN_LOG"

static const struct level {
	const char *before; /* in a text */
	const char *name;
	int priority; /* syslog(3) */
} info = {"", "info", 6}, warning = {"warning: ", "warning", 4}, fatal = {"fatal: ", "fatal", 2};

static const char *who = "postern";
static enum log_format format;

static char *const environments[LOG_FORMATS] = {
	[LOG_TEXT] = (char *)ENVIRONMENT "=text",
	[LOG_JOURNAL] = (char *)ENVIRONMENT "=journal",
	[LOG_JSON] = (char *)ENVIRONMENT "=json",
};

void log_init(const char *name)
{
	const char *value = getenv(ENVIRONMENT);

	who = name;
	for (enum log_format f = 0; value && f < LOG_FORMATS; f++)
		if (strcmp(value, environments[f] + sizeof(ENVIRONMENT)) == 0)
			format = f;
}

void log_as(enum log_format f)
{
	format = f;
}

bool log_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char ours[64];
	struct stat s;

	if (!stream || fstat(STDERR_FILENO, &s) < 0)
		return false;
	snprintf(ours, sizeof(ours), "%llu:%llu", (unsigned long long)s.st_dev,
		 (unsigned long long)s.st_ino);
	return strcmp(stream, ours) == 0;
}

char *log_environment(void)
{
	return environments[format];
}

/* ---- lines ---- */

static size_t put_text(char *out, const struct level *level, const char *message)
{
	char priority[8] = "";

	if (format == LOG_JOURNAL)
		snprintf(priority, sizeof(priority), "<%d>", level->priority);
	return (size_t)snprintf(out, LINE_LEN_MAX, "%s%s[%d]: %s%s\n", priority, who, (int)getpid(),
				level->before, message);
}

static size_t put_json(char *out, const struct level *level, const char *message)
{
	char time[TEXT_TIME_MAX];
	int n;

	text_time(time, clock_usec());
	n = snprintf(out, LINE_LEN_MAX,
		     "{\"time\":\"%s\",\"level\":\"%s\",\"role\":\"%s\",\"pid\":%d,"
		     "\"message\":\"",
		     time, level->name, who, (int)getpid());
	for (const unsigned char *c = (const unsigned char *)message; *c; c++) {
		if (*c == '"' || *c == '\\')
			out[n++] = '\\';
		if (*c < 0x20 || *c == 0x7f)
			n += snprintf(out + n, 7, "\\u%04x", *c);
		else
			out[n++] = (char)*c;
	}
	memcpy(out + n, "\"}\n", 4);
	return (size_t)n + 3;
}

/* One write(), so that the lines of several roles do not mix. */
static void log_line(const struct level *level, const char *fmt, va_list ap) printf_like(2, 0);
static void log_line(const struct level *level, const char *fmt, va_list ap)
{
	char message[MESSAGE_MAX], line[LINE_LEN_MAX];
	size_t n;

	if (vsnprintf(message, sizeof(message), fmt, ap) < 0)
		return;
	n = format == LOG_JSON ? put_json(line, level, message) : put_text(line, level, message);
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* nowhere left to say so */
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(&info, fmt, ap);
	va_end(ap);
}

void log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(&warning, fmt, ap);
	va_end(ap);
}

void log_fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(&fatal, fmt, ap);
	va_end(ap);
	exit(1);
}
