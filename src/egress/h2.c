/* SPDX-License-Identifier: ISC */
/*
 * HTTP/2 (RFC 9113): many calls at once on one connection. libnghttp2 has the frames, the windows and the compressed heads, and judges what HTTP forbids; here is which call a stream is, and what becomes of
 * it. No call ends while libnghttp2 is at work: who waits for it may do anything.
 */
#include "egress/internal.h"

#include "base/memory.h"
#include "base/text.h"
#include "egress/nghttp2.h"

#include <stdlib.h>
#include <sys/socket.h>

/* Of one server, whatever it allows. */
#define STREAMS_MAX 256
/* What a server may send before it hears that it was read: of one answer, and of all. A list of zones is as large as an answer gets. */
#define WINDOW		(256 * 1024)
#define WINDOW_TOGETHER (1024 * 1024)
/* Bytes in a row that are no part of an answer; more, and the server only keeps us busy. Of answers that we gave up as much may be on its way as the window has. */
#define NOISE_MAX (64 * 1024)
/* How often a call is sent anew that the server has not looked at: where each connection serves few, many wait for the next. */
#define AGAIN_MAX  16
#define FIELDS_MAX 64
/* Framed at once. A frame is 16 KiB at most, and its head. */
#define OUT_TYPICAL (16 * 1024)
#define OUT_MAX	    (64 * 1024)

struct h2 {
	nghttp2_session *session;
	struct link *link;
	uint32_t room;	/* calls at once */
	struct buf out; /* framed; but for the first OUT_SENT bytes not taken by the socket yet */
	size_t out_sent;
	struct loop_end flush;
	struct egress_call *over; /* they have ended, and are to be told */
	size_t noise;		  /* bytes since a call was last told something */
	int64_t heard;		  /* loop_now() then */
	bool gave_up;		  /* an answer, at some time */
};

static struct nghttp2 lib;

/* What came is read here, and wiped. */
static unsigned char room[16 * 1024];

/* ---- memory: heads hold credentials, so what libnghttp2 frees is wiped ---- */

static void *take(size_t n, void *arg)
{
	return memory_alloc(n);
}

static void *take_zeroed(size_t n, size_t size, void *arg)
{
	void *p = size && n > SIZE_MAX / size ? NULL : memory_alloc(n * size);

	return p ? memset(p, 0, n * size) : NULL;
}

static void *take_again(void *p, size_t n, void *arg)
{
	return wiping_realloc(p, n);
}

static void give_back(void *p, void *arg)
{
	wiping_free(p);
}

/* ---- calls that end ---- */

static void call_over(struct h2 *h, struct egress_call *c, enum egress_failure f, bool again)
{
	if (c->over)
		return;
	c->over = true;
	c->outcome = f;
	c->anew = again && c->again < AGAIN_MAX;
	c->next_over = h->over;
	h->over = c;
}

/* UNSEEN: the server has not looked at it. Else its connection may have been dead, and another one may be too: it gets a new one. */
static void send_anew(struct egress_call *c, bool unseen)
{
	c->again++;
	c->sent = c->sent && !unseen;
	call_reconnect(c, !unseen);
}

static void tell_over(struct h2 *h)
{
	struct egress_call *c;

	while ((c = h->over)) {
		h->over = c->next_over;
		c->over = false;
		if (c->anew)
			send_anew(c, true);
		else
			call_end(c, c->outcome);
	}
}

/* Nothing more will come: not of any call. */
static void break_off(struct h2 *h)
{
	struct link *k = h->link;
	struct egress_call *c;

	link_shut(k);
	while ((c = k->calls)) {
		if (exchange_may_repeat(c) || (!c->sent && c->again < AGAIN_MAX))
			send_anew(c, !c->sent);
		else
			call_end(c, EGRESS_RESET);
	}
}

/* ---- what libnghttp2 tells ---- */

static struct egress_call *call_of(nghttp2_session *s, int32_t stream)
{
	return lib.nghttp2_session_get_stream_user_data(s, stream);
}

static void heard(struct h2 *h)
{
	h->noise = 0;
	h->heard = loop_now(h->link->egress->loop);
}

/* The server need not go on with it, and nothing that it says of it is C's any more. */
static void drop_stream(struct h2 *h, struct egress_call *c)
{
	(void)lib.nghttp2_session_set_stream_user_data(h->session, c->stream, NULL);
	(void)lib.nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, c->stream,
					    NGHTTP2_CANCEL);
	c->stream = 0;
	h->gave_up = true;
}

/* It has ended, whatever else would come. */
static int end_early(struct h2 *h, struct egress_call *c, enum egress_failure f)
{
	call_over(h, c, f, false);
	drop_stream(h, c);
	return 0;
}

static int on_begin_headers(nghttp2_session *s, const nghttp2_frame *frame, void *arg)
{
	struct egress_call *c = call_of(s, frame->hd.stream_id);

	if (c)
		c->trailers = c->answer.status >= 200;
	return 0;
}

static unsigned status_of(struct bytes value)
{
	uint64_t status;

	return text_to_u64(value, 999, &status) == 0 ? (unsigned)status : 0;
}

static int on_header(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name,
		     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
		     void *arg)
{
	struct egress_call *c = call_of(s, frame->hd.stream_id);
	struct h2 *h = arg;
	enum egress_failure f = EGRESS_OK;

	if (!c)
		return 0;
	heard(h);
	c->answer.began = true;
	/* As RFC 9113 section 6.5.2 counts. */
	c->answer.head_bytes += name_len + value_len + 32;
	if (c->answer.head_bytes > EGRESS_HEADERS_MAX)
		return end_early(h, c, EGRESS_TOO_LARGE);
	if (bytes_is(bytes_of(name, name_len), ":status"))
		c->answer.status = status_of(bytes_of(value, value_len));
	else if (c->answer.status >= 200 && !c->trailers)
		f = exchange_field(c, bytes_of(name, name_len), bytes_of(value, value_len));
	return f == EGRESS_OK ? 0 : end_early(h, c, f);
}

static int on_data(nghttp2_session *s, uint8_t flags, int32_t stream, const uint8_t *p, size_t n,
		   void *arg)
{
	struct egress_call *c = call_of(s, stream);
	struct h2 *h = arg;
	enum egress_failure f;

	if (!c)
		return 0;
	heard(h);
	f = exchange_body(c, bytes_of(p, n));
	return f == EGRESS_OK ? 0 : end_early(h, c, f);
}

static void take_settings(struct h2 *h)
{
	uint32_t n = lib.nghttp2_session_get_remote_settings(
		h->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

	h->room = n < STREAMS_MAX ? n : STREAMS_MAX;
	link_takes(h->link, h->room);
}

/* Whole and in order. */
static int on_frame(nghttp2_session *s, const nghttp2_frame *frame, void *arg)
{
	struct h2 *h = arg;
	struct egress_call *c = call_of(s, frame->hd.stream_id);

	if (frame->hd.type == NGHTTP2_GOAWAY)
		link_shut(h->link);
	if (frame->hd.type == NGHTTP2_SETTINGS && !(frame->hd.flags & NGHTTP2_FLAG_ACK))
		take_settings(h);
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	if (!c || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	c->whole = c->answer.status >= 200;
	if (!c->whole || c->sent_bytes == c->request.n)
		return 0;
	/* It has answered, and need not have the rest of the request (RFC 9113 section 8.1). */
	h->link->used = true;
	return end_early(h, c, EGRESS_OK);
}

static int on_sent(nghttp2_session *s, const nghttp2_frame *frame, void *arg)
{
	struct egress_call *c = call_of(s, frame->hd.stream_id);

	if (c && frame->hd.type == NGHTTP2_HEADERS)
		c->sent = true;
	return 0;
}

/* A server that is to go, or has too much to do, says REFUSED_STREAM of what it has not looked at (RFC 9113 section 8.7); so does libnghttp2 of what lies behind a GOAWAY's last one. */
static int on_close(nghttp2_session *s, int32_t stream, uint32_t error, void *arg)
{
	struct egress_call *c = call_of(s, stream);
	struct h2 *h = arg;

	if (!c)
		return 0;
	c->stream = 0;
	heard(h);
	if (c->whole) {
		h->link->used = true;
		call_over(h, c, EGRESS_OK, false);
	} else {
		call_over(h, c, EGRESS_RESET,
			  !c->sent || (error == NGHTTP2_REFUSED_STREAM && !c->answer.began));
	}
	return 0;
}

/* ---- what is sent ---- */

/* The next bytes of a body. */
static ssize_t give_body(nghttp2_session *s, int32_t stream, uint8_t *p, size_t n, uint32_t *flags,
			 nghttp2_data_source *source, void *arg)
{
	struct egress_call *c = call_of(s, stream);
	struct bytes rest;

	if (!c)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	rest = bytes_skip(buf_bytes(&c->request), c->sent_bytes);
	if (n > rest.n)
		n = rest.n;
	memcpy(p, rest.p, n);
	c->sent_bytes += n;
	if (n == rest.n)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static void send_failed(struct h2 *h)
{
	/* What the server said before can still be read, and tells more. */
	(void)shutdown(h->link->fd.fd, SHUT_RDWR);
}

/* False when there is nothing. */
static bool fill(struct h2 *h)
{
	const uint8_t *p;
	ssize_t n = 1;

	buf_reset(&h->out);
	h->out_sent = 0;
	while (n > 0 && h->out.n < OUT_TYPICAL) {
		n = lib.nghttp2_session_mem_send(h->session, &p);
		if (n > 0)
			buf_put(&h->out, p, (size_t)n);
	}
	if (n < 0 || buf_status(&h->out) < 0) {
		send_failed(h);
		return false;
	}
	return h->out.n > 0;
}

static bool is_dead(const struct h2 *h)
{
	return !lib.nghttp2_session_want_read(h->session) &&
	       !lib.nghttp2_session_want_write(h->session) && h->out_sent == h->out.n;
}

/* All that was begun in a turn of the loop goes out together. */
static void flush(void *arg)
{
	struct h2 *h = arg;
	struct link *k = h->link;
	uint32_t events = EPOLLIN;
	int r = 0;

	while (r == 0 && (h->out_sent < h->out.n || fill(h))) {
		size_t n = 0;

		r = link_send(k, bytes_skip(buf_bytes(&h->out), h->out_sent), &n);
		h->out_sent += n;
	}
	if (r == TLS_WANTS_WRITE)
		events |= EPOLLOUT;
	else if (r != 0 && r != TLS_WANTS_READ)
		send_failed(h);
	if (loop_change(k->egress->loop, &k->fd, events) < 0)
		send_failed(h);
	k->busy++;
	tell_over(h); /* of streams that could not even be opened */
	if (is_dead(h))
		break_off(h);
	k->busy--;
	link_settle(k);
}

static void flush_later(struct h2 *h)
{
	loop_end_set(h->link->egress->loop, &h->flush);
}

static nghttp2_nv field(struct bytes name, struct bytes value, uint8_t flags)
{
	return (nghttp2_nv){.name = (uint8_t *)name.p,
			    .namelen = name.n,
			    .value = (uint8_t *)value.p,
			    .valuelen = value.n,
			    .flags = flags};
}

/* What any line holds may be a secret: it is never left in a table that later heads refer to (RFC 7541 section 7.1.3). */
static int submit(struct h2 *h, struct egress_call *c)
{
	const nghttp2_data_provider body = {.read_callback = give_body};
	struct request_parts parts;
	struct bytes name, value;
	nghttp2_nv nv[FIELDS_MAX];
	size_t n = 0;

	request_split(&c->request, &parts);
	nv[n++] = field(BYTES(":method"), parts.method, NGHTTP2_NV_FLAG_NONE);
	nv[n++] = field(BYTES(":scheme"), BYTES("https"), NGHTTP2_NV_FLAG_NONE);
	nv[n++] = field(BYTES(":authority"), parts.authority, NGHTTP2_NV_FLAG_NONE);
	nv[n++] = field(BYTES(":path"), parts.target, NGHTTP2_NV_FLAG_NO_INDEX);
	while (request_next(&parts, &name, &value)) {
		if (n == FIELDS_MAX)
			return -ENOBUFS;
		nv[n++] = field(name, value, NGHTTP2_NV_FLAG_NO_INDEX);
	}
	c->sent_bytes = c->request.n - parts.body.n;
	return lib.nghttp2_submit_request(h->session, NULL, nv, n, parts.body.n ? &body : NULL, c);
}

void h2_begin(struct egress_call *c)
{
	struct h2 *h = c->link->h2;

	c->whole = c->trailers = false;
	c->answer.status = 0;
	c->begun = loop_now(c->egress->loop);
	c->stream = submit(h, c);
	if (c->stream < 0) {
		/* All numbers are used: others will come. */
		bool spent = c->stream == NGHTTP2_ERR_STREAM_ID_NOT_AVAILABLE;

		c->stream = 0;
		if (spent)
			link_shut(c->link);
		call_over(h, c, EGRESS_INTERNAL, spent);
	}
	flush_later(h);
}

void h2_forget(struct h2 *h, struct egress_call *c)
{
	struct egress_call **at = &h->over;

	while (c->over && *at != c)
		at = &(*at)->next_over;
	if (c->over)
		*at = c->next_over;
	c->over = false;
	if (!c->stream)
		return;
	drop_stream(h, c);
	flush_later(h);
}

void h2_late(struct egress_call *c)
{
	if (c->stream && c->link->h2->heard < c->begun)
		link_shut(c->link);
}

/* ---- what comes ---- */

void h2_go_on(struct link *k)
{
	struct h2 *h = k->h2;
	size_t n = 0;
	int r = 0;

	k->busy++;
	while (r == 0) {
		r = link_recv(k, room, sizeof(room), &n);
		if (r != 0)
			break;
		h->noise += n;
		if (h->noise > NOISE_MAX + (h->gave_up ? WINDOW_TOGETHER : 0) ||
		    lib.nghttp2_session_mem_recv(h->session, room, n) != (ssize_t)n)
			r = -EPROTO;
		explicit_bzero(room, n);
	}
	tell_over(h);
	if (r != TLS_WANTS_READ && r != TLS_WANTS_WRITE)
		break_off(h);
	else if (h->out_sent < h->out.n || is_dead(h) || lib.nghttp2_session_want_write(h->session))
		flush_later(h);
	k->busy--;
	link_settle(k);
}

/* ---- its life ---- */

static int begin_session(nghttp2_session_callbacks *cb, struct h2 *h)
{
	static const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, EGRESS_HEADERS_MAX},
	};
	nghttp2_mem mem = {NULL, take, give_back, take_zeroed, take_again};
	nghttp2_option *option = NULL;
	int r;

	lib.nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
	lib.nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	lib.nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	lib.nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	lib.nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_sent);
	lib.nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	r = lib.nghttp2_option_new(&option);
	if (r == 0) {
		lib.nghttp2_option_set_no_closed_streams(option, 1);
		r = lib.nghttp2_session_client_new3(&h->session, cb, h, option, &mem);
		lib.nghttp2_option_del(option);
	}
	if (r == 0)
		r = lib.nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings,
						ARRAY_LEN(settings));
	if (r == 0)
		r = lib.nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0,
							      WINDOW_TOGETHER);
	return r == 0 ? 0 : -ENOMEM;
}

int h2_new(struct h2 **out, struct link *k, uint32_t together)
{
	struct h2 *h = calloc(1, sizeof(*h));
	nghttp2_session_callbacks *cb = NULL;
	int r = -ENOMEM;

	if (!h)
		return -ENOMEM;
	*h = (struct h2){.link = k,
			 .room = together,
			 .out = BUF_INIT(OUT_MAX),
			 .flush = {.fn = flush, .arg = h}};
	if (lib.nghttp2_session_callbacks_new(&cb) == 0) {
		r = begin_session(cb, h);
		lib.nghttp2_session_callbacks_del(cb);
	}
	if (r < 0) {
		h2_free(h);
		return r;
	}
	*out = h;
	return 0;
}

void h2_free(struct h2 *h)
{
	if (!h)
		return;
	loop_end_clear(h->link->egress->loop, &h->flush);
	if (h->session)
		lib.nghttp2_session_del(h->session);
	buf_done(&h->out);
	free(h);
}

uint32_t h2_room(const struct h2 *h)
{
	return h->room;
}

bool h2_load(void)
{
	static bool loaded;

	loaded = loaded || nghttp2_load(&lib) == 0;
	return loaded;
}
