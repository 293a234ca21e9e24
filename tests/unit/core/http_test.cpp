// Headers and errors of HTTP as the rooms see them.
#include "core/http.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace zws {
namespace {

TEST(HttpTest, HeaderNamesCompareWithoutCase) {
  HttpRequest request;
  request.headers["Content-Type"] = "application/json";
  EXPECT_EQ(request.header("content-type"), "application/json");
  EXPECT_EQ(request.header("CONTENT-TYPE"), "application/json");
  request.headers["CONTENT-type"] = "text/plain";
  EXPECT_EQ(request.headers.size(), 1u);
}

TEST(HttpTest, HeadersOfAnyCaseAreFoundAmongOthers) {
  HttpRequest request;
  for (const char* name : {"accept", "Host", "ORIGIN", "user-agent", "X-Forwarded-For"})
    request.headers[name] = name;
  EXPECT_EQ(request.header("ACCEPT"), "accept");
  EXPECT_EQ(request.header("host"), "Host");
  EXPECT_EQ(request.header("Origin"), "ORIGIN");
  EXPECT_EQ(request.header("User-Agent"), "user-agent");
  EXPECT_EQ(request.header("x-forwarded-for"), "X-Forwarded-For");
  const HeaderLess less;
  EXPECT_TRUE(less("accept", "Host"));
  EXPECT_FALSE(less("Host", "accept"));
}

TEST(HttpTest, PercentEscapesAreReadToTheLastAndWhatIsNoneStays) {
  EXPECT_EQ(percent_decoded("%61b%20"), "ab ");
  EXPECT_EQ(percent_decoded("%2"), "%2");
  EXPECT_EQ(percent_decoded("%zz%"), "%zz%");
  EXPECT_EQ(query_value("a=1&topic=orders%3A1", "topic"), "orders:1");
}

TEST(HttpTest, SpacesAndTabsAroundAValueAreNoPartOfIt) {
  EXPECT_EQ(trimmed(" \t a\tb \t"), "a\tb");
  EXPECT_EQ(trimmed("\t \t"), "");
}

TEST(HttpTest, MissingHeaderIsEmpty) {
  EXPECT_EQ(HttpRequest{}.header("Host"), "");
  HttpRequest request;
  request.headers["Hos"] = "x";
  EXPECT_EQ(request.header("Host"), "");
}

TEST(HttpTest, ErrorIsJsonWithCodeAndMessage) {
  const HttpResponse response = HttpResponse::error(403, "forbidden", "not \"yours\"");
  EXPECT_EQ(response.status, 403);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.body, R"({"success":false,"code":"forbidden","message":"not \"yours\""})");
}

TEST(HttpTest, WhoIsOneTooManyIsToldWhoTheManyAreAndWhenToComeBack) {
  const HttpResponse of_one = HttpResponse::crowded(HttpCrowd::address);
  const HttpResponse of_all = HttpResponse::crowded(HttpCrowd::all);
  EXPECT_EQ(of_one.status, 429);
  EXPECT_EQ(of_one.code, "rate_limited");
  EXPECT_EQ(of_all.status, 503);
  EXPECT_EQ(of_all.code, "limit_exceeded");
  const std::vector<std::pair<std::string, std::string>> a_second{{"Retry-After", "1"}};
  EXPECT_EQ(of_one.headers, a_second);
  EXPECT_EQ(of_all.headers, a_second);
}

}  // namespace
}  // namespace zws
