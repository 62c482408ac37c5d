/* SPDX-License-Identifier: ISC */
#include "base/text.h"
#include "cli/args.h"
#include "cli/cli.h"

#include <sodium.h>

#define LABEL_MAX 512

struct inspection {
	struct bytes text, customer;
	struct handle_head head;
	const struct keyring *ring; /* NULL: say what needs no key */
	json_t *out;
};

static void add(json_t *o, const char *key, struct bytes v)
{
	/* Ids may hold what is not UTF-8. */
	json_t *s = json_from_bytes(v);

	json_object_set_new(o, key, s ? s : json_string("(not text)"));
}

static void add_hex(json_t *o, const char *key, const unsigned char *p, size_t n)
{
	struct buf hex cleanup(buf_done) = BUF_INIT(LABEL_MAX);

	text_put_hex(&hex, bytes_of(p, n));
	add(o, key, buf_bytes(&hex));
}

static void add_time(json_t *o, const char *key, int64_t seconds)
{
	struct buf t cleanup(buf_done) = BUF_INIT(LABEL_MAX);

	if (!seconds) {
		json_object_set_new(o, key, json_null());
		return;
	}
	text_put_time(&t, seconds * 1000000);
	add(o, key, buf_bytes(&t));
}

/* Every STEP-th item: of a list of pairs just the names. */
static void add_items(json_t *o, const char *key, struct bytes list, unsigned step)
{
	json_t *items = json_array();
	struct bytes item;

	for (unsigned i = 0; plist_next(&list, &item); i++)
		if (i % step == 0)
			json_array_append_new(items, json_from_bytes(item));
	json_object_set_new(o, key, items);
}

static int open_integration(struct inspection *in)
{
	struct buf plain cleanup(buf_done) = BUF_INIT(INTEGRATION_HANDLE_MAX);
	struct integration i;
	int r = integration_open(in->ring, in->text, in->customer, &plain, &i);
	json_t *o = in->out;

	if (r != 0)
		return r;
	add_hex(o, "integration", i.id, sizeof(i.id));
	add(o, "provider", i.provider);
	add(o, "customer", i.customer);
	add_time(o, "created_at", i.created);
	add_time(o, "expires_at", i.expires);
	add(o, "policy", bytes_str(policy_profile_text(i.policy)));
	if (i.zones.n)
		add_items(o, "zones", i.zones, 1);
	else
		add(o, "zones", BYTES("all of the account"));
	add_items(o, "credential_fields", i.credentials, 2);
	return 0;
}

static int open_record(struct inspection *in)
{
	struct buf plain cleanup(buf_done) = BUF_INIT(RECORD_HANDLE_MAX);
	struct record rec;
	int r = record_open(in->ring, in->text, in->customer, &plain, &rec);
	json_t *o = in->out, *record;

	if (r != 0)
		return r;
	add_hex(o, "integration", rec.integration, sizeof(rec.integration));
	add(o, "provider", rec.provider);
	add(o, "customer", rec.customer);
	add_time(o, "created_at", rec.created);
	add(o, "zone", rec.zone);
	add(o, "zone_id", rec.zone_id);
	record = json_object();
	add(record, "fqdn", rec.fqdn);
	add(record, "type", bytes_str(rr_type_text(rec.type)));
	add(record, "value", rec.value);
	add(record, "mode", bytes_str(record_mode_text(rec.mode)));
	json_object_set_new(o, "record", record);
	add(o, "provider_record_id", rec.provider_id);
	json_object_set_new(o, "found", json_boolean(rec.found));
	json_object_set_new(o, "log_index", json_integer((json_int_t)rec.log_index));
	add_hex(o, "leaf_hash", rec.leaf, sizeof(rec.leaf));
	return 0;
}

static int inspect_text(struct inspection *in)
{
	static const char *const kinds[] = {[HANDLE_INTEGRATION] = "integration",
					    [HANDLE_RECORD] = "record",
					    [HANDLE_SETUP] = "setup"};
	struct buf lines cleanup(buf_done) = BUF_INIT(256 * 1024);
	int r = handle_peek(in->text, &in->head);

	if (r != 0)
		return cli_fail("this is no handle");
	add(in->out, "type", bytes_str(kinds[in->head.kind]));
	add_hex(in->out, "key_id", in->head.key_id, sizeof(in->head.key_id));
	if (in->ring && in->head.kind == HANDLE_SETUP)
		return cli_fail("a set-up's handle is short-lived: it is not opened here");
	if (in->ring)
		r = in->head.kind == HANDLE_INTEGRATION ? open_integration(in) : open_record(in);
	if (r > 0)
		return cli_fail("the handle does not open: it was made under another key or for "
				"another customer, or changed");
	args_print(&lines, in->out);
	if (r == 0)
		r = buf_status(&lines);
	if (r < 0)
		return cli_fail("%s", strerror(-r));
	return cli_print(buf_bytes(&lines)) ? CLI_OK : CLI_FAILED;
}

/* The ring from one key file, or from all keys of a configuration. 0, CONFIG_E_BAD or -errno. */
static int load_ring(struct keyring *ring, const char *key, const char *path, char *err)
{
	struct config *config;
	int r;

	if (key) {
		struct config_key *k = sodium_malloc(sizeof(*k));

		if (!k)
			return -ENOMEM;
		r = config_read_key(key, k->secret, err);
		if (r == 0)
			r = keyring_add(ring, k->secret, KEY_ACTIVE);
		sodium_free(k);
		return r;
	}
	r = config_load(path, &config, err);
	if (r != 0)
		return r;
	for (size_t i = 0; i < config->n_keys && r == 0; i++)
		r = keyring_add(ring, config->keys[i].secret, config->keys[i].state);
	config_free(config);
	return r;
}

static int inspect_with(struct inspection *in, const char *key, const char *path)
{
	char err[CONFIG_ERROR_MAX] = "";
	struct keyring *ring;
	int r;

	if (!key && !path)
		return inspect_text(in);
	ring = sodium_malloc(sizeof(*ring));
	if (!ring)
		return cli_fail("out of memory");
	keyring_wipe(ring);
	r = load_ring(ring, key, path, err);
	in->ring = ring;
	r = r == 0 ? inspect_text(in) : cli_fail("%s", r > 0 ? err : strerror(-r));
	sodium_free(ring); /* wipes */
	return r;
}

static int inspect(const struct command *self, int argc, char **argv)
{
	const char *path = NULL, *key = NULL, *customer = NULL, *arg = "@-";
	const struct cli_option options[] = {{"config", .value = &path},
					     {"key", .value = &key},
					     {"customer", .value = &customer},
					     {NULL}};
	struct buf text cleanup(buf_done) = BUF_INIT(INTEGRATION_HANDLE_MAX + 1);
	json_t *out cleanup(json_cleanup) = json_object();
	int first, status, r;

	if (!cli_options(self, argc, argv, options, &first, &status))
		return status;
	if (argc - first > 1)
		return cli_usage(self, "too many arguments");
	if (key && path)
		return cli_usage(self, "--config or --key, not both");
	if (first < argc && strcmp(argv[first], "-") != 0)
		arg = argv[first];
	r = cli_read_value(bytes_str(arg), &text);
	if (r < 0)
		return cli_fail("%s", r == -ENOBUFS ? "this is no handle" : strerror(-r));
	return inspect_with(&(struct inspection){.text = buf_bytes(&text),
						 .customer = bytes_str(customer),
						 .out = out},
			    key, path);
}

const struct command command_inspect = {
	.name = "inspect",
	.help = "say what a handle is; with a key, all but its secrets",
	.usage = "[OPTIONS] [HANDLE|@FILE|-]\n"
		 "\n"
		 "  HANDLE         the handle, or @FILE; - for standard input, the default\n"
		 "  --config FILE  open it with the root keys of this configuration\n"
		 "  --key FILE     open it with this root key\n"
		 "  --customer C   the customer that it was made for\n",
	.run = inspect,
};
