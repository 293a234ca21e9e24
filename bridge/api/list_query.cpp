#include "api/list_query.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/json_text.hpp"

namespace zws {
namespace {

constexpr std::size_t search_bytes_max = 255;
constexpr char between = '\n';  // no name holds it

char small(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

[[noreturn]] void refuse_sort(const std::vector<std::string_view>& orders) {
  std::string message = "sort must be one of ";
  for (const std::string_view order : orders)
    message += (order == orders.front() ? "" : ", ") + std::string(order);
  throw ApiRefusal{400, "invalid_message", message + ", with - in front to turn it round"};
}

// The text up to the next separator, which is taken off.
std::string take(std::string_view& text) {
  const std::size_t end = text.find(between);
  if (end == std::string_view::npos)
    throw ApiRefusal{400, "invalid_message", "cursor must be one that a page in this order gave"};
  std::string part(text.substr(0, end));
  text.remove_prefix(end + 1);
  return part;
}

}  // namespace

ListQuery::ListQuery(const ApiRequest& request, const std::vector<std::string_view>& orders)
    : limit_(page_limit(request)),
      search_(query_value(request.http.query, "search")),
      sort_(query_value(request.http.query, "sort")),
      order_(orders.front()) {
  if (search_.size() > search_bytes_max)
    throw ApiRefusal{400, "invalid_message", "search may have 255 bytes"};
  std::transform(search_.begin(), search_.end(), search_.begin(), small);
  if (!sort_.empty()) {
    descending_ = sort_.front() == '-';
    order_ = sort_.substr(descending_ ? 1 : 0);
    if (std::find(orders.begin(), orders.end(), order_) == orders.end()) refuse_sort(orders);
    of_names_ = order_ == orders.front();
  }
  read_cursor(request);
}

// In the order of names it is the last name, else the order and all by which the last row had its place.
void ListQuery::read_cursor(const ApiRequest& request) {
  const std::string cursor = name_cursor(request);
  if (cursor.empty()) return;
  has_last_ = true;
  std::string_view rest = cursor;
  if (!by_name()) {
    if (take(rest) != sort_)
      throw ApiRefusal{400, "invalid_message", "cursor must be one that a page in this order gave"};
    const std::string number = take(rest);
    std::from_chars(number.data(), number.data() + number.size(), last_.number);
    last_.text = take(rest);
  }
  if (rest.find(between) != std::string_view::npos)
    throw ApiRefusal{400, "invalid_message", "cursor must be one that a page in this order gave"};
  last_.name = rest;
}

std::string ListQuery::cursor_of(const ListRow& row) const {
  if (by_name()) return cursor_json(row.name);
  return cursor_json(sort_ + between + std::to_string(row.number) + between + row.text + between +
                     row.name);
}

bool ListQuery::finds(std::string_view text) const {
  return std::search(text.begin(), text.end(), search_.begin(), search_.end(),
                     [](char a, char b) { return small(a) == b; }) != text.end() ||
         search_.empty();
}

bool ListQuery::before(const ListRow& a, const ListRow& b) const {
  if (a.number != b.number) return descending_ ? a.number > b.number : a.number < b.number;
  if (const int order = a.text.compare(b.text); order != 0)
    return descending_ ? order > 0 : order < 0;
  return of_names_ && descending_ ? a.name > b.name : a.name < b.name;
}

bool PageRows::wants(const ListQuery& query, const ListRow& row) const {
  return query.follows(row) && (!full(query) || query.before(row, rows_.front()));
}

void PageRows::add(const ListQuery& query, ListRow row) {
  const auto before = [&query](const ListRow& a, const ListRow& b) { return query.before(a, b); };
  rows_.push_back(std::move(row));
  std::push_heap(rows_.begin(), rows_.end(), before);
  if (rows_.size() <= query.limit() + 1) return;
  std::pop_heap(rows_.begin(), rows_.end(), before);
  rows_.pop_back();
}

void PageRows::add(const ListQuery& query, PageRows rows) {
  for (ListRow& row : rows.rows_)
    if (wants(query, row)) add(query, std::move(row));
}

HttpResponse PageRows::answer(const ListQuery& query, std::string_view member) {
  const bool more = full(query);
  const std::string items = list(query);
  HttpResponse response;
  response.body = JsonObject()
                      .json(member, items)
                      .json("cursor", more ? query.cursor_of(rows_.back()) : "null")
                      .done();
  return response;
}

std::string PageRows::list(const ListQuery& query) {
  std::sort(rows_.begin(), rows_.end(),
            [&query](const ListRow& a, const ListRow& b) { return query.before(a, b); });
  if (full(query)) rows_.pop_back();
  std::vector<std::string> items;
  items.reserve(rows_.size());
  for (ListRow& row : rows_) items.push_back(std::move(row.json));
  return json_list(items);
}

std::string rate_json(double per_second) { return fmt::format("{:.1f}", per_second); }

std::uint64_t rate_order(double per_second) {
  return static_cast<std::uint64_t>(per_second * 1000);
}

std::string json_list(const std::vector<std::string>& items) {
  std::string list = "[";
  for (const std::string& item : items) {
    if (list.size() > 1) list += ',';
    list += item;
  }
  return list += ']';
}

}  // namespace zws
