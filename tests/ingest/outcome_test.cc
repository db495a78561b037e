#include "ingest/outcome.h"

#include <gtest/gtest.h>

namespace metadb::tests {
namespace {

using catalog::Error;
using ingest::Disposition;

Disposition disposition_of(const std::string& sqlstate, const std::string& constraint = "") {
  Error error(sqlstate, "x");
  error.constraint = constraint;
  return ingest::disposition(error);
}

TEST(Outcome, ValuesThatPostgresRefusesAreData) {
  for (const char* sqlstate :
       {"02000", "22001", "22003", "22021", "22P02", "54000", "23503", "23P01"})
    EXPECT_EQ(disposition_of(sqlstate), Disposition::data) << sqlstate;
  EXPECT_EQ(disposition_of("23514", "positive"), Disposition::data);
}

TEST(Outcome, ViolationsOfOurOwnBookkeepingStopTheLane) {
  for (const char* sqlstate : {"23505", "23502", "23514"})
    EXPECT_EQ(disposition_of(sqlstate), Disposition::stop) << sqlstate;
}

TEST(Outcome, WhatPassesByItselfIsWeather) {
  for (const char* sqlstate : {"08006", "25P02", "28000", "3D000", "40001", "40P01", "53100",
                               "53200", "55P03", "57014", "57P01", "58030", "XX000"})
    EXPECT_EQ(disposition_of(sqlstate), Disposition::weather) << sqlstate;
}

TEST(Outcome, ACastRefusesAValueInWaysOfItsOwn) {
  for (const char* sqlstate : {"22P02", "42601", "XX000"})
    EXPECT_TRUE(ingest::may_be_refusal(Error(sqlstate, "x"))) << sqlstate;
  for (const char* sqlstate : {"08006", "40001", "42704", "42883", "57014"})
    EXPECT_FALSE(ingest::may_be_refusal(Error(sqlstate, "x"))) << sqlstate;
}

TEST(Outcome, EverythingElseStopsTheLane) {
  for (const char* sqlstate : {"42P01", "42501", "3F000", "0A000", "P0001", ""})
    EXPECT_EQ(disposition_of(sqlstate), Disposition::stop) << sqlstate;
}

}  // namespace
}  // namespace metadb::tests
