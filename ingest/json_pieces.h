// JSON documents of any size, in pieces.
#pragma once

#include <cstddef>
#include <string_view>

#include "ingest/json_rows.h"

namespace metadb::ingest {

// Larger documents are taken apart in pieces, larger arrays apart from their document.
constexpr size_t kJsonPieceBytes = size_t{256} << 10;

// The rows of the document `text`, as transform_json() gives them. Of a large document a piece at a
// time is taken apart, and what nothing maps is left out before, so that memory does not grow with
// the elements of its mapped arrays. False: `text` is no JSON, and has no rows; what is left out of
// a large or a deep one is not looked at closely.
bool transform_json_text(JsonParser& parser, const JsonMap& map, std::string_view text,
                         JsonRowSink& to, size_t piece_bytes = kJsonPieceBytes);

}  // namespace metadb::ingest
