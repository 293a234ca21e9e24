// What the calls read from a query.
#include "api/request.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace zws {
namespace {

ApiRequest asking(const std::string& query) {
  ApiRequest request;
  request.http.query = query;
  return request;
}

template <typename Read>
int status_of(Read read, const std::string& query) {
  try {
    read(asking(query));
  } catch (const ApiRefusal& refusal) {
    return refusal.status;
  }
  return 200;
}

TEST(ApiRequestTest, APageHasALimit) {
  EXPECT_EQ(page_limit(asking("")), 100u);
  EXPECT_EQ(page_limit(asking("limit=")), 100u);
  EXPECT_EQ(page_limit(asking("x=1&limit=7&limit=8")), 7u);
  EXPECT_EQ(page_limit(asking("limit=%31000")), 1000u);
}

TEST(ApiRequestTest, ALimitOutOfRangeIsRefused) {
  for (const char* text : {"0", "-1", "+1", "1001", "1.5", "x", "1x", "0x10", " 1", "%201",
                           "18446744073709551617", "99999999999999999999999"})
    EXPECT_EQ(status_of(page_limit, std::string("limit=") + text), 400) << text;
}

TEST(ApiRequestTest, AHistoryBeginsAtItsEndUnlessACursorSaysWhere) {
  EXPECT_EQ(history_cursor(asking("")), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(history_cursor(asking("cursor=MTc")), 17u);
  EXPECT_EQ(cursor_json("17"), "\"MTc\"");
}

TEST(ApiRequestTest, ACursorSurvivesAnyUrlWhateverTheNameIs) {
  for (const std::string name :
       {"a", "a+b", "a b", "100%", "a&cursor=b", "\xE6\xB8\xA9", "a/b?c#d"}) {
    std::string cursor = cursor_json(name);
    cursor = cursor.substr(1, cursor.size() - 2);
    EXPECT_EQ(cursor.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                       "0123456789-_"),
              std::string::npos)
        << cursor;
    EXPECT_EQ(name_cursor(asking("limit=1&cursor=" + cursor)), name);
  }
  EXPECT_EQ(name_cursor(asking("")), "");
  EXPECT_EQ(status_of(name_cursor, std::string("cursor=a+b")), 400);
}

TEST(ApiRequestTest, ACursorThatNoPageGaveIsRefused) {
  for (const char* text :
       {"a", "-1", "1.0", "b3k:7", "17", "MTc=", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk"})
    EXPECT_EQ(status_of(history_cursor, std::string("cursor=") + text), 400) << text;
}

}  // namespace
}  // namespace zws
