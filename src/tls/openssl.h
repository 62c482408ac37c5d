/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * OpenSSL's TLS, opened at run time and not linked: Postern is one binary for all roles, and only the front, the couriers (and whoever looks whether a certificate is good) need it.
 * Linked, it would be mapped in the vault and the scribe too: parsers and gadgets that those never need, constructors that run before any hardening, and relocated private pages
 * in each process.
 */
#include "base/error.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>

#define TLS_FUNCTIONS(F)                                                                           \
	F(ASN1_STRING_get0_data)                                                                   \
	F(ASN1_STRING_length)                                                                      \
	F(ASN1_TIME_to_tm)                                                                         \
	F(BIO_clear_flags)                                                                         \
	F(BIO_free)                                                                                \
	F(BIO_get_data)                                                                            \
	F(BIO_get_new_index)                                                                       \
	F(BIO_meth_new)                                                                            \
	F(BIO_meth_set_ctrl)                                                                       \
	F(BIO_meth_set_read)                                                                       \
	F(BIO_meth_set_write)                                                                      \
	F(BIO_new)                                                                                 \
	F(BIO_new_mem_buf)                                                                         \
	F(BIO_set_data)                                                                            \
	F(BIO_set_flags)                                                                           \
	F(BIO_set_init)                                                                            \
	F(CRYPTO_free)                                                                             \
	F(CRYPTO_set_mem_functions)                                                                \
	F(ERR_clear_error)                                                                         \
	F(ERR_peek_last_error)                                                                     \
	F(EVP_PKEY_free)                                                                           \
	F(GENERAL_NAMES_free)                                                                      \
	F(OPENSSL_init_ssl)                                                                        \
	F(OPENSSL_sk_num)                                                                          \
	F(OPENSSL_sk_value)                                                                        \
	F(PEM_read_bio_PrivateKey)                                                                 \
	F(PEM_read_bio_X509)                                                                       \
	F(PEM_read_bio_X509_CRL)                                                                   \
	F(SSL_CTX_add_client_CA)                                                                   \
	F(SSL_CTX_check_private_key)                                                               \
	F(SSL_CTX_ctrl)                                                                            \
	F(SSL_CTX_free)                                                                            \
	F(SSL_CTX_get0_param)                                                                      \
	F(SSL_CTX_get_cert_store)                                                                  \
	F(SSL_CTX_new)                                                                             \
	F(SSL_CTX_set_alpn_protos)                                                                 \
	F(SSL_CTX_set_alpn_select_cb)                                                              \
	F(SSL_CTX_set_cipher_list)                                                                 \
	F(SSL_CTX_set_num_tickets)                                                                 \
	F(SSL_CTX_set_options)                                                                     \
	F(SSL_CTX_set_verify)                                                                      \
	F(SSL_CTX_set_verify_depth)                                                                \
	F(SSL_CTX_use_PrivateKey)                                                                  \
	F(SSL_CTX_use_certificate)                                                                 \
	F(SSL_ctrl)                                                                                \
	F(SSL_do_handshake)                                                                        \
	F(SSL_free)                                                                                \
	F(SSL_free_buffers)                                                                        \
	F(SSL_get0_alpn_selected)                                                                  \
	F(SSL_get0_param)                                                                          \
	F(SSL_get0_peer_certificate)                                                               \
	F(SSL_get_error)                                                                           \
	F(SSL_get_peer_cert_chain)                                                                 \
	F(SSL_has_pending)                                                                         \
	F(SSL_new)                                                                                 \
	F(SSL_read_ex)                                                                             \
	F(SSL_select_next_proto)                                                                   \
	F(SSL_set1_host)                                                                           \
	F(SSL_set_accept_state)                                                                    \
	F(SSL_set_bio)                                                                             \
	F(SSL_set_connect_state)                                                                   \
	F(SSL_set_hostflags)                                                                       \
	F(SSL_shutdown)                                                                            \
	F(SSL_write_ex)                                                                            \
	F(TLS_client_method)                                                                       \
	F(TLS_server_method)                                                                       \
	F(X509_CRL_free)                                                                           \
	F(X509_CRL_get0_nextUpdate)                                                                \
	F(X509_STORE_CTX_free)                                                                     \
	F(X509_STORE_CTX_init)                                                                     \
	F(X509_STORE_CTX_new)                                                                      \
	F(X509_STORE_CTX_set_default)                                                              \
	F(X509_STORE_add_cert)                                                                     \
	F(X509_STORE_add_crl)                                                                      \
	F(X509_STORE_set_flags)                                                                    \
	F(X509_VERIFY_PARAM_set1_ip_asc)                                                           \
	F(X509_VERIFY_PARAM_set_flags)                                                             \
	F(X509_check_issued)                                                                       \
	F(X509_free)                                                                               \
	F(X509_get0_notAfter)                                                                      \
	F(X509_get0_notBefore)                                                                     \
	F(X509_get_X509_PUBKEY)                                                                    \
	F(X509_get_ext_d2i)                                                                        \
	F(X509_verify_cert)                                                                        \
	F(i2d_X509_PUBKEY)

struct openssl {
#define F(name) __typeof__(&name) name;
	TLS_FUNCTIONS(F)
#undef F
};

/* Open it, the first time, so that all memory it frees is wiped. *OUT is good for the process's life. 0, -ELIBACC when there is none, -ELIBBAD when it is older than 3.0. */
int openssl_load(const struct openssl **out) must_check;
/* What stopped the reading of PEM blocks: the end, and not one that is broken. */
bool pem_at_end(const struct openssl *o) must_check;
