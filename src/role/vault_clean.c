/* SPDX-License-Identifier: ISC */
/*
 * Removing a record without its handle, for clients that keep nothing (httpreq). Whose record it is nobody knows here, so it is taken for one that was found: only what a replace could have
 * overwritten is removed, and what that would be refused is refused here (add_go()). docs/security.md says why that is safe.
 */
#include "role/vault.h"

void clean_record(struct call *c, const struct fv_clean_record *m)
{
	const struct asked asked = {m->handle, m->fqdn, m->type, m->value, m->zones};

	c->clean = true;
	c->mode = MODE_COEXIST;
	if (take_record(c, &asked))
		record_go(c, m->follow_cname);
}
