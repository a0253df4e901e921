#pragma once
/* The digests of openssl/sha.h are values that can be copied in the middle of a computation, where an EVP_MD_CTX is a
   handle that costs an allocation; OpenSSL 3 calls them deprecated, and keeps them. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
