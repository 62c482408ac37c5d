/* SPDX-License-Identifier: ISC */
/* What the supervisor tells the vault: root keys, policy, callers. Told anew at a reload, and then it holds as a whole. */
#include "role/vault.h"

#include "sys/log.h"

#include <sodium.h>
#include <unistd.h>

static struct vault_config *config_new(void)
{
	struct vault_config *c = sodium_malloc(sizeof(*c));

	if (!c)
		log_fatal("no locked memory for the root keys");
	memset(c, 0, sizeof(*c));
	c->targets = c->authorities = BUF_INIT(16 * 1024);
	c->gateway = BUF_INIT(256 * 1024);
	c->denied = BUF_INIT(DENY_MAX * INTEGRATION_ID_BYTES);
	return c;
}

static void config_free(struct vault_config *c)
{
	if (!c)
		return;
	buf_done(&c->targets);
	buf_done(&c->authorities);
	buf_done(&c->gateway);
	buf_done(&c->denied);
	sodium_free(c); /* wipes the keys */
}

void vault_config_init(void)
{
	vault.config = config_new();
}

static void begin_config(const struct s_vault *m)
{
	struct vault_config *c = config_new();

	buf_put_bytes(&c->targets, m->targets);
	buf_put_bytes(&c->authorities, m->authorities);
	if (buf_status(&c->targets) < 0 || buf_status(&c->authorities) < 0)
		log_fatal("out of memory");
	c->policy = (struct policy_config){.loosest = (enum policy_profile)m->policy_loosest,
					   .standing_authority = m->standing_authority,
					   .targets = buf_bytes(&c->targets),
					   .authorities = buf_bytes(&c->authorities)};
	c->policy_default = (enum policy_profile)m->policy_default;
	c->call_ms = m->call_ms;
	c->integration_rate = m->integration_rate;
	c->integration_burst = m->integration_burst;
	config_free(vault.next_config);
	vault.next_config = c;
}

static void apply_config(void)
{
	if (!vault.next_config)
		return;
	metrics_keep(vault.next_config, vault.config);
	config_free(vault.config);
	vault.config = vault.next_config;
	vault.next_config = NULL;
	limits_apply();
	answer_status();
}

static void add_caller(struct vault_config *c, const struct s_caller *m)
{
	struct caller_rules *rules = &c->callers[c->n_callers];

	if (c->n_callers == VAULT_CALLERS_MAX ||
	    bytes_to_str(m->name, rules->name, sizeof(rules->name)) < 0)
		log_fatal("bug: callers");
	rules->providers = m->providers;
	rules->loosest = (enum policy_profile)m->loosest;
	rules->rate = m->rate;
	rules->burst = m->burst;
	rules->zones = m->zones;
	rules->in_flight = m->in_flight;
	c->n_callers++;
}

/* What stands between s_vault and s_apply. */
static void take_config(struct vault_config *c, uint16_t number, const void *msg)
{
	if (number == MSG_s_root_key) {
		const struct s_root_key *m = msg;
		if (keyring_add(&c->keys, m->secret, (enum root_key_state)m->state) < 0)
			log_warn("a root key was not taken");
	} else if (number == MSG_s_provider) {
		const struct s_provider *m = msg;
		plist_put(&c->gateway, m->provider);
		plist_put(&c->gateway, m->fields);
	} else if (number == MSG_s_caller) {
		add_caller(c, msg);
	} else if (number == MSG_s_deny) {
		buf_put_bytes(&c->denied, ((const struct s_deny *)msg)->ids);
	}
	if (buf_status(&c->gateway) < 0 || buf_status(&c->denied) < 0)
		log_fatal("too much is configured");
}

void vault_control(struct role *r, uint16_t number, const void *msg, int fd)
{
	if (fd >= 0)
		close(fd);
	if (number == MSG_s_vault)
		begin_config(msg);
	else if (number == MSG_s_apply)
		apply_config();
	else if (vault.next_config)
		take_config(vault.next_config, number, msg);
}
