/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * AWS Signature Version 4: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. In four parts, each of which can be looked at.
 */
#include "sign/digest.h"
#include "sign/request.h"

#define SIGV4_SCOPE_MAX 256

struct sigv4 {
	const char *method;
	struct bytes
		path; /* of the request, not encoded; or encoded: it is encoded once more then, as all services but S3 want it */
	struct bytes query;   /* behind the '?'; percent-encoded or not */
	struct bytes headers; /* plist of pairs, name and value: all of them are signed */
	struct bytes body;
	bool normalize; /* take "." and ".." and doubled slashes out of the path */
	int64_t now;	/* seconds since 1970 */
	const char *region, *service;
};

/* "20150830T123600Z" */
void sigv4_time(int64_t now, char out[17]);
/* Append "20150830/us-east-1/service/aws4_request". */
void sigv4_put_scope(const struct sigv4 *s, struct buf *out);
/* Append the canonical request, and the names of the signed headers to NAMES ("host;x-amz-date"). 0 or -errno. */
int sigv4_put_canonical(const struct sigv4 *s, struct buf *out, struct buf *names) must_check;
/* Append what is signed of a canonical request. 0 or -errno. */
int sigv4_put_string(const struct sigv4 *s, struct bytes canonical, struct buf *out) must_check;
/* Append the signature of that, in hex. 0 or -errno. */
int sigv4_put_signature(const struct sigv4 *s, struct bytes secret, struct bytes string,
			struct buf *out) must_check;

/*
 * As a sign_fn, for a region and a service: headers X-Amz-Date, X-Amz-Security-Token (when the credential has a session_token), and Authorization, which also signs Host and Content-Type. Fields:
 * access_key_id, secret_access_key, session_token.
 */
int sigv4_sign(const struct signing *in, const char *region, const char *service,
	       struct buf *headers) must_check;
