// Columns that external SQL needs, made where no source has sent them yet.
#pragma once

#include "catalog/catalog.h"
#include "server/external_sql_file.h"

namespace metadb::server {

// Makes the column, and the managed table that it is of, unless they are there: a query of them
// then finds no rows, in place of an error. A new table belongs to the data source that has others
// in its schema, else to the only one there is. In a transaction of its own; the catalog knows it
// afterwards. The type of a column that is there is left alone.
// Throws catalog::Error: 42704 a type that columns of ours do not have, 42703 a missing column of a
// table that is not managed, 55000 no telling which source the table would be of.
void require_column(catalog::Catalog& catalog, catalog::Connection& connection,
                    const RequiredColumn& required);

}  // namespace metadb::server
