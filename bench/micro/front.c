/* SPDX-License-Identifier: ISC */
/*
 * The front's own code, from the bytes of a request to the message for the vault, and from the vault's to the JSON. That nothing is sent is seen to where it would be: linked with
 * --wrap=channel_send_fd and --wrap=conn_reply.
 */
#include "micro.h"

#include "http/reply.h"
#include "role/front.h"

#include <stdio.h>

static struct {
	bool on; /* what is sent goes nowhere */
	uint64_t asked, replied;
	struct role role;
	struct conn conn;
	struct buf head, body;
} rig = {.head = BUF_INIT(HTTP_HEAD_MAX), .body = BUF_INIT(HTTP_BODY_MAX)};

void __real_channel_send_fd(struct channel *c, uint16_t number, const void *msg, int fd);
void __wrap_channel_send_fd(struct channel *c, uint16_t number, const void *msg, int fd);
void __wrap_channel_send_fd(struct channel *c, uint16_t number, const void *msg, int fd)
{
	if (!rig.on)
		__real_channel_send_fd(c, number, msg, fd);
	else
		rig.asked += number == MSG_fv_add_record;
}

void __wrap_conn_reply(struct conn *c, unsigned status, struct bytes body);
void __wrap_conn_reply(struct conn *c, unsigned status, struct bytes body)
{
	rig.replied += status == 200;
}

static void begin(void)
{
	struct bytes handle = sample_integration_handle();
	size_t endpoint = 0;

	rig.on = true;
	front.role = &rig.role;
	must(loop_new(&rig.role.loop) == 0, "loop");
	front.vault.watch.fd = 0; /* it looks open */
	front.now.calls_max = 1000;
	while (strcmp(api_endpoint_name(endpoint), "add_record") != 0)
		endpoint++;
	rig.conn.endpoint = endpoint;
	rig.conn.watch.fd = -1;
	snprintf(rig.conn.request_id, sizeof(rig.conn.request_id), "%s", SAMPLE_REQUEST);
	snprintf(rig.conn.caller_name, sizeof(rig.conn.caller_name), "backend");
	buf_printf(&rig.body, "{\"integration_handle\":\"%.*s\",\"customer\":\"%s\",",
		   (int)handle.n, (const char *)handle.p, SAMPLE_CUSTOMER);
	buf_printf(&rig.body, "\"record\":{\"fqdn\":\"%s\",\"type\":\"TXT\",\"value\":\"%s\"}}",
		   SAMPLE_FQDN, SAMPLE_VALUE);
	buf_printf(&rig.head,
		   "POST /add_record HTTP/1.1\r\nHost: postern.internal:8443\r\n"
		   "User-Agent: Go-http-client/1.1\r\nAuthorization: Bearer ptk1_%s%s\r\n"
		   "Content-Type: application/json\r\nAccept: application/json\r\n"
		   "Content-Length: %u\r\n\r\n",
		   SAMPLE_ID, SAMPLE_ID, rig.body.n);
}

static void read_heads(void *arg, uint64_t n)
{
	struct http_head head;

	while (n--)
		must(http_head_read(buf_bytes(&rig.head), 0, &head) == 0, "head");
}

static void read_requests(void *arg, uint64_t n)
{
	uint64_t before = rig.asked;

	for (uint64_t i = 0; i < n; i++) {
		api_request(&rig.conn, buf_bytes(&rig.body));
		idmap_remove(&front.calls, &rig.conn.node);
	}
	must(rig.asked - before == n, "the vault is asked");
}

static void write_answers(void *arg, uint64_t n)
{
	struct vf_record m = {.index = 123456,
			      .handle = sample_record_handle(),
			      .zone = BYTES(SAMPLE_ZONE),
			      .fqdn = BYTES(SAMPLE_FQDN)};
	uint64_t before = rig.replied;

	must(idmap_put(&front.calls, &rig.conn.node) == 0, "call");
	m.call = rig.conn.node.id;
	for (uint64_t i = 0; i < n; i++)
		api_answer(MSG_vf_record, &m);
	idmap_remove(&front.calls, &rig.conn.node);
	must(rig.replied - before == n, "the client is answered");
}

static void write_replies(void *arg, uint64_t n)
{
	const struct http_reply reply = {.status = 200,
					 .content_type = "application/json",
					 .body = buf_bytes(&rig.body),
					 .request_id = BYTES(SAMPLE_REQUEST)};

	while (n--) {
		struct buf out = BUF_INIT(HTTP_BODY_MAX);

		http_reply_put(&out, &reply);
		must(buf_status(&out) == 0, "reply");
		buf_done(&out);
	}
}

void micro_front(void)
{
	begin();
	micro_run(read_heads, NULL, "a request's head (%u bytes) read", rig.head.n);
	micro_run(read_requests, NULL, "an add_record's body (%u bytes) read and checked",
		  rig.body.n);
	micro_run(write_answers, NULL, "its answer's body written");
	micro_run(write_replies, NULL, "a reply with a body of %u bytes put together", rig.body.n);
	loop_free(rig.role.loop);
	buf_done(&rig.head);
	buf_done(&rig.body);
	rig.on = false;
}
