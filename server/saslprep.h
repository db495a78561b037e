// Passwords as SCRAM takes them: SASLprep (RFC 4013).
#pragma once

#include <string>

namespace metadb::server {

// The prepared password. As it is, if it is no UTF-8 or holds what SASLprep prohibits: PostgreSQL
// and its clients take such a one by its bytes (pg_saslprep, saslprep.c).
// What is not handed on is wiped.
std::string saslprep(std::string password);

}  // namespace metadb::server
