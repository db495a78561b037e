// The child of fetch_repository(): `metadb fetch-repository`, which `metadb help` does not name.
#pragma once

#include "server/repository.h"

namespace metadb::server {

// Reads a FetchRequest from standard input, writes a FetchAnswer to standard output.
int fetch_as_child();

// Fetches what `request` names into its directory, by libgit2, and reads the files that runlist.txt
// lists from the commit's tree: nothing is checked out, so no link and no path leads elsewhere. A
// file that cannot be read has a problem. Throws catalog::Error as fetch_repository() does.
Repository fetch(const FetchRequest& request);

}  // namespace metadb::server
