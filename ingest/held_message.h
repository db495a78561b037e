// A message that was read and decoded, and waits for its turn.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>

#include "ingest/debezium.h"
#include "ingest/source.h"

namespace metadb::ingest {

struct HeldMessage {
  Message message;
  // What it became; if nothing, then because of `failure`, or it was applied before.
  std::optional<Decoded> decoded;
  std::exception_ptr failure;

  // Throws the failure.
  [[nodiscard]] const Decoded& result() const {
    if (failure) std::rethrow_exception(failure);
    return decoded.value();
  }
  // What it keeps in memory, about.
  [[nodiscard]] size_t bytes() const;
};

}  // namespace metadb::ingest
