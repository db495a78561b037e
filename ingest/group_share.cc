#include "ingest/group_share.h"

namespace metadb::ingest {

bool GroupShare::is_news(size_t assigned, std::optional<size_t> matching, Clock::time_point now) {
  next_ = now + times_.interval;
  if (!matching) return false;
  if (assigned >= *matching) {
    fewer_since_.reset();
    told_.reset();
    return false;
  }
  if (!fewer_since_) fewer_since_ = now;
  if (now - *fewer_since_ < times_.patience) return false;
  if (told_ && now - *told_ < times_.silence) return false;
  told_ = now;
  return true;
}

}  // namespace metadb::ingest
