// Options of data sources as commands give them: one check for CREATE and ALTER.
#pragma once

#include <string>

#include "catalog/sources.h"
#include "grammar/ast.h"

namespace metadb::server {

// Each throws catalog::Error 42601, 22023 or 2201B with the position of what is wrong, and says
// what a worker would fail on later.

// An option that has a value already: 42601.
void add_option(catalog::DataSource& source, const grammar::ast::Option& option);
// As PostgreSQL's ALTER ... OPTIONS does: what is added must not be set, what is set or dropped
// must be, and a required one is not dropped.
void change_option(catalog::DataSource& source, const grammar::ast::OptionChange& change);
// That none that is required is missing.
void check_complete(const catalog::DataSource& source);

}  // namespace metadb::server
