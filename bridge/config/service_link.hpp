// Service link: a variable by which Kubernetes (or Docker) tells every container of a Service. One whose
// name begins with zwsbridge gives variables that look like settings.
//
// Thread: any; pure functions.
#pragma once

#include <string_view>

namespace zws::config {

// Whether name and text are such a variable, of a Service of any name: ZWSBRIDGE_SERVICE_HOST,
// ZWSBRIDGE_ADMIN_SERVICE_PORT_HTTP, ZWSBRIDGE_PORT=tcp://10.0.0.1:80, ZWSBRIDGE_PORT_80_TCP_ADDR. The
// text must be of its kind, too, so that a setting with a wrong name is not taken for one.
bool is_service_link(std::string_view name, std::string_view text);

}  // namespace zws::config
