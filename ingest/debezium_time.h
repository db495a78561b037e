// Debezium's temporal encodings to PostgreSQL's binary ones. Integer arithmetic only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace metadb::ingest {

constexpr int64_t kMicrosPerSecond = 1000000;
constexpr int64_t kMicrosPerDay = 86400 * kMicrosPerSecond;

// time with time zone: microseconds since midnight, seconds *west* of UTC.
struct ZonedTime {
  int64_t micros = 0;
  int32_t west = 0;
};

// All of these throw DecodeError 22007 for what is no such text and 22008 for what does not fit
// PostgreSQL's type: outside its range, or finer than a microsecond.

// Days since 2000-01-01, from days since 1970-01-01 (Debezium's infinities included).
int32_t pg_date(int64_t unix_days);
// Microseconds since 2000-01-01, from microseconds since 1970-01-01 (infinities included).
int64_t pg_timestamp(int64_t unix_micros);
int64_t pg_timestamp_from_millis(int64_t unix_millis);
int64_t pg_timestamp_from_nanos(int64_t unix_nanos);
// Checks 00:00:00 to 24:00:00.
int64_t pg_time(int64_t micros);
int64_t pg_time_from_nanos(int64_t nanos);

// ISO 8601 as Java prints it: years of any length, with a sign beyond four digits, negative ones
// astronomical (year 0 is 1 BC).
int32_t parse_date(std::string_view text);          // 2017-09-15Z
int64_t parse_time(std::string_view text);          // 04:05:11.789Z; UTC or no zone
ZonedTime parse_zoned_time(std::string_view text);  // 04:05:11.789+02:00
int64_t parse_timestamp(std::string_view text);     // 2019-07-09T02:28:57.123456Z; UTC or no zone
int64_t parse_zoned_timestamp(std::string_view text);  // with an offset; infinity, -infinity

// The same as PostgreSQL prints it (DateStyle ISO, in UTC), with nanoseconds if need be.
std::string timestamp_text_from_nanos(int64_t unix_nanos);
std::string time_text(std::string_view text);
std::string timestamp_text(std::string_view text);
std::string zoned_timestamp_text(std::string_view text);

// PostgreSQL's binary values as it prints them; a timestamp with `zone` behind it.
std::string printed_date(int32_t days);
std::string printed_time(int64_t micros);
std::string printed_timestamp(int64_t micros, std::string_view zone);

// Of the proleptic Gregorian calendar; year 0 is 1 BC.
struct CivilDate {
  int64_t year = 0;
  int64_t month = 0;
  int64_t day = 0;
};
int32_t pg_date_of(const CivilDate& date);
// `east`: seconds that the local time is ahead of UTC.
int64_t pg_timestamp_of(const CivilDate& date, int64_t nanos_of_day, int64_t east);
// PostgreSQL's infinity, or minus infinity for a negative sign.
int32_t date_infinity(int sign);
int64_t timestamp_infinity(int sign);

// As PostgreSQL prints them (DateStyle ISO); with a zone: parse_zoned_timestamp().
int32_t parse_postgres_date(std::string_view text);
int64_t parse_postgres_timestamp(std::string_view text);

}  // namespace metadb::ingest
