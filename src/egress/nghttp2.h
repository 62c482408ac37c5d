/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * libnghttp2, which reads and writes HTTP/2's frames and compressed heads: opened at run time by the one role that speaks HTTP/2, as OpenSSL is (tls/openssl.h says why).
 */
#include "base/error.h"

#include <nghttp2/nghttp2.h>

#define NGHTTP2_FUNCTIONS(F)                                                                       \
	F(nghttp2_option_del)                                                                      \
	F(nghttp2_option_new)                                                                      \
	F(nghttp2_option_set_no_closed_streams)                                                    \
	F(nghttp2_session_callbacks_del)                                                           \
	F(nghttp2_session_callbacks_new)                                                           \
	F(nghttp2_session_callbacks_set_on_begin_headers_callback)                                 \
	F(nghttp2_session_callbacks_set_on_data_chunk_recv_callback)                               \
	F(nghttp2_session_callbacks_set_on_frame_recv_callback)                                    \
	F(nghttp2_session_callbacks_set_on_frame_send_callback)                                    \
	F(nghttp2_session_callbacks_set_on_header_callback)                                        \
	F(nghttp2_session_callbacks_set_on_stream_close_callback)                                  \
	F(nghttp2_session_client_new3)                                                             \
	F(nghttp2_session_del)                                                                     \
	F(nghttp2_session_get_remote_settings)                                                     \
	F(nghttp2_session_get_stream_user_data)                                                    \
	F(nghttp2_session_mem_recv)                                                                \
	F(nghttp2_session_mem_send)                                                                \
	F(nghttp2_session_set_local_window_size)                                                   \
	F(nghttp2_session_set_stream_user_data)                                                    \
	F(nghttp2_session_want_read)                                                               \
	F(nghttp2_session_want_write)                                                              \
	F(nghttp2_submit_request)                                                                  \
	F(nghttp2_submit_rst_stream)                                                               \
	F(nghttp2_submit_settings)

struct nghttp2 {
#define F(name) __typeof__(&name) name;
	NGHTTP2_FUNCTIONS(F)
#undef F
};

/* Open it, for good. library_open()'s errors. */
int nghttp2_load(struct nghttp2 *out) must_check;
