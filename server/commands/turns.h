// Commands of one kind, one after the other.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace metadb::server {

class Turns {
 public:
  // Held for as long as it lives.
  class Turn {
   public:
    explicit Turn(Turns& turns) : turns_(turns) {}
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Turns& turns_;
  };

  // Waits until no other turn is held. Throws catalog::Error 57014 if `stop` is requested first.
  [[nodiscard]] Turn take(const std::stop_token& stop);

 private:
  std::mutex mutex_;
  std::condition_variable_any free_;
  bool is_taken_ = false;
};

struct CommandTurns {
  Turns workers;  // of commands that start and stop workers
  Turns users;    // of those that register and forget users
};

}  // namespace metadb::server
