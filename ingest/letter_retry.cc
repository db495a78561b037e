#include "ingest/letter_retry.h"

#include <fmt/format.h>

#include <utility>

namespace metadb::ingest {

void LetterRetry::pass(const catalog::StoredLetter& stored) {
  place_ = {stored.letter.topic, stored.letter.part, stored.letter.offset, stored.id};
}

void LetterRetry::applied(const catalog::StoredLetter& stored) {
  pass(stored);
  const std::scoped_lock lock(mutex_);
  ++outcome_.applied;
}

void LetterRetry::gave_up(const catalog::StoredLetter& stored) {
  pass(stored);
  const std::scoped_lock lock(mutex_);
  ++outcome_.given_up;
}

void LetterRetry::left(const catalog::StoredLetter& stored, const std::string& reason) {
  pass(stored);
  const catalog::DeadLetter& letter = stored.letter;
  const std::scoped_lock lock(mutex_);
  ++outcome_.left;
  if (outcome_.reasons.size() >= kReasonsMax) return;
  outcome_.reasons.push_back(fmt::format("topic {} partition {} offset {}: {}", letter.topic,
                                         letter.part, letter.offset, reason));
}

void LetterRetry::finish() {
  const std::scoped_lock lock(mutex_);
  is_over_ = true;
  changed_.notify_all();
}

void LetterRetry::abandon() {
  const std::scoped_lock lock(mutex_);
  is_abandoned_ = !is_over_;
  is_over_ = true;
  changed_.notify_all();
}

bool LetterRetry::is_abandoned() const {
  const std::scoped_lock lock(mutex_);
  return is_abandoned_;
}

bool LetterRetry::await(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [this] { return is_over_; });
}

void LetterRetry::give_up() {
  finish();
}

bool LetterRetry::is_over() const {
  const std::scoped_lock lock(mutex_);
  return is_over_;
}

LetterRetry::Outcome LetterRetry::outcome() const {
  const std::scoped_lock lock(mutex_);
  return outcome_;
}

bool RetrySlot::put(std::shared_ptr<LetterRetry> retry) {
  const std::scoped_lock lock(mutex_);
  if (retry_ && !retry_->is_over()) return false;
  retry_ = std::move(retry);
  return true;
}

std::shared_ptr<LetterRetry> RetrySlot::current() {
  const std::scoped_lock lock(mutex_);
  if (retry_ && retry_->is_over()) retry_.reset();
  return retry_;
}

void RetrySlot::forgive() {
  const std::scoped_lock lock(mutex_);
  is_forgiven_ = true;
}

bool RetrySlot::take_forgiveness() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(is_forgiven_, false);
}

bool RetrySlot::has_forgiveness() {
  const std::scoped_lock lock(mutex_);
  return is_forgiven_;
}

void RetrySlot::abandon() {
  const std::scoped_lock lock(mutex_);
  if (retry_) retry_->abandon();
  retry_.reset();
}

}  // namespace metadb::ingest
