// What a list is asked for, and the pages that it is cut into.
#include "api/list_query.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace zws {
namespace {

using testing::ElementsAre;

const std::vector<std::string_view> orders{"name", "user", "queued"};

ApiRequest asking(const std::string& query) {
  ApiRequest request;
  request.http.query = query;
  return request;
}

int status_of(const std::string& query) {
  try {
    ListQuery(asking(query), orders);
  } catch (const ApiRefusal& refusal) {
    return refusal.status;
  }
  return 200;
}

// What all pages show, page behind page, of rows that are met in any order.
std::vector<std::string> pages(const std::string& query, std::vector<ListRow> rows) {
  std::vector<std::string> seen;
  std::string cursor;
  for (bool more = true; more;) {
    const ListQuery page(asking(query + cursor), orders);
    PageRows wanted;
    for (ListRow row : rows) {
      if (!wanted.wants(page, row)) continue;
      row.json = '"' + row.name + '"';
      wanted.add(page, row);
    }
    std::reverse(rows.begin(), rows.end());
    const std::string body = wanted.answer(page, "rows").body;
    const std::size_t begin = body.find('[');
    seen.push_back(body.substr(begin, body.find(']') - begin + 1));
    const std::size_t at = body.find("\"cursor\":\"");
    more = at != std::string::npos;
    if (more) cursor = "&cursor=" + body.substr(at + 10, body.rfind('"') - at - 10);
  }
  return seen;
}

std::vector<ListRow> three() { return {{"b", 7, "", {}}, {"a", 7, "", {}}, {"c", 900, "", {}}}; }
std::vector<ListRow> named() { return {{"b", 0, "", {}}, {"c", 0, "", {}}, {"a", 0, "", {}}}; }

TEST(ListQueryTest, RowsComeByName) {
  EXPECT_THAT(pages("limit=2", named()), ElementsAre(R"(["a","b"])", R"(["c"])"));
  EXPECT_THAT(pages("limit=1&sort=-name", named()),
              ElementsAre(R"(["c"])", R"(["b"])", R"(["a"])"));
  EXPECT_THAT(pages("limit=3&sort=name", named()), ElementsAre(R"(["a","b","c"])"));
}

TEST(ListQueryTest, RowsComeByAFigureAndThenByName) {
  EXPECT_THAT(pages("limit=2&sort=-queued", three()), ElementsAre(R"(["c","a"])", R"(["b"])"));
  EXPECT_THAT(pages("limit=1&sort=queued", three()),
              ElementsAre(R"(["a"])", R"(["b"])", R"(["c"])"));
}

TEST(ListQueryTest, RowsComeByAText) {
  const std::vector<ListRow> rows{{"1", 0, "bob", {}}, {"2", 0, "", {}}, {"3", 0, "ada", {}}};
  EXPECT_THAT(pages("limit=2&sort=user", rows), ElementsAre(R"(["2","3"])", R"(["1"])"));
  EXPECT_THAT(pages("limit=2&sort=-user", rows), ElementsAre(R"(["1","3"])", R"(["2"])"));
}

TEST(ListQueryTest, AnOrderThatIsNoneIsRefusedWithThoseThatAre) {
  for (const char* sort : {"x", "-x", "-", "--name", "Name", "name,user"})
    EXPECT_EQ(status_of(std::string("sort=") + sort), 400) << sort;
  EXPECT_EQ(status_of("sort="), 200);
  try {
    ListQuery(asking("sort=x"), orders);
    FAIL();
  } catch (const ApiRefusal& refusal) {
    EXPECT_THAT(refusal.message, testing::HasSubstr("name, user, queued"));
  }
}

TEST(ListQueryTest, ACursorIsGoodForItsOrderAlone) {
  const auto in_order = [](const std::string& text) {
    const std::string cursor = cursor_json(text);
    return status_of("sort=-queued&cursor=" + cursor.substr(1, cursor.size() - 2));
  };
  EXPECT_EQ(in_order("-queued\n7\n\na"), 200);
  for (const char* text : {"queued\n7\n\na", "a", "-queued\n7", "-queued\n7\n\na\nb"})
    EXPECT_EQ(in_order(text), 400) << text;
  EXPECT_EQ(status_of("cursor=YQ"), 200);
  EXPECT_EQ(status_of("cursor=LXF1ZXVlZAo3CgphCg"), 400) << "in another order";
}

TEST(ListQueryTest, ASearchFindsPartsWhateverTheirLetters) {
  const ListQuery query(asking("search=aD%C3%A4"), orders);
  EXPECT_TRUE(query.searches());
  EXPECT_TRUE(query.finds("x-AD\xC3\xA4-y"));
  EXPECT_FALSE(query.finds("ad"));
  EXPECT_FALSE(query.finds(""));
  EXPECT_TRUE(ListQuery(asking(""), orders).finds("anything"));
  EXPECT_TRUE(ListQuery(asking(""), orders).finds(""));
  EXPECT_EQ(status_of("search=" + std::string(256, 'a')), 400);
}

TEST(ListQueryTest, NamesUpToTheCursorNeedNotBeLookedAt) {
  EXPECT_EQ(ListQuery(asking("cursor=YQ"), orders).name_after(), "a");
  EXPECT_EQ(ListQuery(asking("sort=name&cursor=YQ"), orders).name_after(), "a");
  EXPECT_EQ(ListQuery(asking("sort=-queued"), orders).name_after(), "");
}

TEST(ListQueryTest, ARateHasOneDigit) {
  EXPECT_EQ(rate_json(0), "0.0");
  EXPECT_EQ(rate_json(12.34), "12.3");
  EXPECT_LT(rate_order(0.1), rate_order(0.2));
}

}  // namespace
}  // namespace zws
