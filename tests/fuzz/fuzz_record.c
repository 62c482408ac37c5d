/* SPDX-License-Identifier: ISC */
/* First byte: the type. The rest is tried as a value, and as what a provider sends. */
#include "dns/record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			abort();                                                                   \
	} while (0)

/* What was made canonical is so for good, and survives presentation. */
static void check_canonical(enum rr_type t, struct bytes value)
{
	struct buf again = BUF_INIT(RECORD_VALUE_MAX), shown = BUF_INIT(RECORD_VALUE_MAX * 5);

	CHECK(value.n && value.n <= RECORD_VALUE_MAX);
	CHECK(record_value_canonical(t, value, &again) == 0);
	CHECK(bytes_eq(buf_bytes(&again), value));
	record_value_present(t, value, &shown);
	CHECK(buf_status(&shown) == 0 && bytes_printable(buf_bytes(&shown)));
	CHECK(record_value_matches(t, buf_bytes(&shown), value));
	buf_reset(&again);
	CHECK(record_value_from_presentation(t, buf_bytes(&shown), &again) == 0);
	CHECK(bytes_eq(buf_bytes(&again), value));
	buf_done(&again);
	buf_done(&shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out = BUF_INIT(RECORD_VALUE_MAX);
	struct bytes in;
	enum rr_type t;

	if (size == 0)
		return 0;
	t = (enum rr_type)(data[0] % RR_TYPES);
	in = bytes_of(data + 1, size - 1);
	if (record_value_canonical(t, in, &out) == 0)
		check_canonical(t, buf_bytes(&out));
	else
		CHECK(out.n == 0 && buf_status(&out) == 0);
	buf_reset(&out);
	if (record_value_from_presentation(t, in, &out) == 0) {
		check_canonical(t, buf_bytes(&out));
		CHECK(record_value_matches(t, in, buf_bytes(&out)));
	} else {
		CHECK(out.n == 0 && buf_status(&out) == 0);
	}
	buf_done(&out);
	return 0;
}
