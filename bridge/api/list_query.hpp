// ListQuery: what a call asks of a list, and the page that it gets.
//
//   limit=100 cursor=... search=text sort=-queued
//
// Rows are in the order of their names, or in that of a figure (with '-' the largest first) and, where that
// is the same, of their names. A cursor says where the page before ended, so what stays in its place is on
// exactly one page; it is good only for the order that gave it.
//
// Thread: immutable after construction; a PageRows is in one pair of hands. Throws ApiRefusal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/request.hpp"
#include "core/http.hpp"

namespace zws {

struct ListRow {
  std::string name;
  std::uint64_t number = 0;  // by which it is ordered, or `text`; neither: by its name
  std::string text;
  std::string json;
};

class ListQuery {
 public:
  // `orders`: what `sort` may say; the first is that of the names.
  ListQuery(const ApiRequest& request, const std::vector<std::string_view>& orders);

  // The first `limit` of all, by name.
  explicit ListQuery(std::size_t limit) : limit_(limit) {}

  std::size_t limit() const noexcept { return limit_; }
  // Of `orders`, without '-'; the first if none is asked for.
  const std::string& order() const noexcept { return order_; }
  // The first names come first.
  bool by_name() const noexcept { return of_names_ && !descending_; }
  // Names up to this one are on no page that follows; empty: all may be.
  std::string name_after() const { return by_name() ? last_.name : std::string(); }

  bool searches() const noexcept { return !search_.empty(); }
  // Whether `search` is part of the text, small letters and large ones alike (of ASCII).
  bool finds(std::string_view text) const;

  // Whether the row comes after the page before.
  bool follows(const ListRow& row) const { return !has_last_ || before(last_, row); }
  bool before(const ListRow& a, const ListRow& b) const;

 private:
  void read_cursor(const ApiRequest& request);
  friend class PageRows;
  std::string cursor_of(const ListRow& row) const;

  std::size_t limit_;
  std::string search_;  // in small letters
  std::string sort_;    // as given; empty: none
  std::string order_;
  bool of_names_ = true;  // the order is that of the names, one way or the other
  bool descending_ = false;
  ListRow last_;
  bool has_last_ = false;
};

// The first rows of those that were offered: a page of them, and one that says that there are more.
class PageRows {
 public:
  // Whether it would be among them; `json` may be empty yet.
  bool wants(const ListQuery& query, const ListRow& row) const;
  void add(const ListQuery& query, ListRow row);
  void add(const ListQuery& query, PageRows rows);
  // There are more than the page holds.
  bool full(const ListQuery& query) const noexcept { return rows_.size() > query.limit(); }

  // {"member":[...],"cursor":...}
  HttpResponse answer(const ListQuery& query, std::string_view member);
  // [...]
  std::string list(const ListQuery& query);

 private:
  std::vector<ListRow> rows_;  // a heap whose first comes last on the page
};

// [a,b,...] of JSON texts.
std::string json_list(const std::vector<std::string>& items);

// So many a second, with one digit behind the point; and as a number of ListRow.
std::string rate_json(double per_second);
std::uint64_t rate_order(double per_second);

}  // namespace zws
