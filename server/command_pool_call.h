// A coroutine's question to the command pool.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "server/command_pool.h"
#include "server/wire/event_loop.h"

namespace metadb::server {

// Runs `work` on a thread of the lane, and comes back to the io thread with what it returned. Waits
// for it whatever happens meanwhile, so it may refer to what the caller holds. Throws
// catalog::Error 53000 if there is no thread. REQUIRES: the work throws nothing. Give a named
// object: g++ 12 destroys a temporary in a co_await expression twice.
template <typename Work>
boost::asio::awaitable<std::invoke_result_t<const Work&>> run_on(CommandPool& pool,
                                                                 CommandLane lane, Work work) {
  using Result = std::invoke_result_t<const Work&>;
  const boost::asio::any_io_executor executor = co_await boost::asio::this_coro::executor;
  auto bell = std::make_shared<wire::Bell>(wire::loop_of(executor));
  auto result = std::make_shared<std::optional<Result>>();
  const auto job = [=, work = std::move(work)] {
    auto done = std::make_shared<Result>(work());
    boost::asio::post(executor, [bell, result, done] {
      *result = std::move(*done);
      bell->ring();
    });
  };
  pool.submit(lane, job);
  while (!*result) co_await bell->rung();
  co_return std::move(**result);
}

}  // namespace metadb::server
