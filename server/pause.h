#pragma once

#include <chrono>
#include <stop_token>

namespace metadb::server {

// Waits until the time is over or a stop is requested. False: the stop came.
bool pause_for(std::chrono::milliseconds time, const std::stop_token& stop);

}  // namespace metadb::server
