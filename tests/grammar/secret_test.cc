#include "grammar/secret.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace metadb::tests {
namespace {

using grammar::ast::Secret;

// A place whose bytes can be looked at before, while and after a Secret lives there.
struct Place {
  alignas(Secret) std::array<std::byte, sizeof(Secret)> bytes{};
  [[nodiscard]] Secret* secret() { return reinterpret_cast<Secret*>(bytes.data()); }
  [[nodiscard]] bool shows(std::string_view word) const {
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()).find(word) !=
           std::string_view::npos;
  }
};

// Short strings live in the object itself.
TEST(Secret, IsGoneWithItsObject) {
  Place place;
  std::construct_at(place.secret(), std::string("hush hush"), 1);
  ASSERT_TRUE(place.shows("hush"));
  std::destroy_at(place.secret());
  EXPECT_FALSE(place.shows("hush"));
}

TEST(Secret, IsGoneFromWhereItWasMovedFrom) {
  Place place;
  std::construct_at(place.secret(), std::string("hush hush"), 7);
  Secret moved(std::move(*place.secret()));
  EXPECT_FALSE(place.shows("hush"));
  EXPECT_EQ(moved.text, "hush hush");
  EXPECT_EQ(moved.position, 7);
  *place.secret() = moved;
  EXPECT_TRUE(place.shows("hush"));
  *place.secret() = Secret("other", 1);
  EXPECT_FALSE(place.shows("hush"));
  std::destroy_at(place.secret());
}

TEST(Secret, IsGoneFromTheTextItWasMadeOf) {
  std::string text = "hush hush";
  const Secret secret(std::move(text), 1);
  text.resize(text.capacity());
  EXPECT_EQ(text.find("hush"), std::string::npos);
}

}  // namespace
}  // namespace metadb::tests
