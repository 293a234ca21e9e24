// Which variables are Kubernetes' and which are settings with a wrong name.
#include "config/service_link.hpp"

#include <gmock/gmock.h>

namespace zws::config {
namespace {

TEST(ServiceLinkTest, WhatKubernetesSaysOfAServiceOfAnyName) {
  for (const std::string start : {"ZWSBRIDGE", "ZWSBRIDGE_ADMIN", "ZWSBRIDGE_SERVER",
                                  "ZWSBRIDGE_PORT_80_TCP", "ZWSBRIDGE_2"}) {
    EXPECT_TRUE(is_service_link(start + "_SERVICE_HOST", "10.0.0.1"));
    EXPECT_TRUE(is_service_link(start + "_SERVICE_HOST", "fd00::1"));
    EXPECT_TRUE(is_service_link(start + "_SERVICE_PORT", "80"));
    EXPECT_TRUE(is_service_link(start + "_SERVICE_PORT_HTTP", "80"));
    EXPECT_TRUE(is_service_link(start + "_SERVICE_PORT_WS_ADMIN", "8080"));
    EXPECT_TRUE(is_service_link(start + "_PORT", "tcp://10.0.0.1:80"));
    EXPECT_TRUE(is_service_link(start + "_PORT", "udp://[fd00::1]:80"));
    for (const std::string protocol : {"TCP", "UDP", "SCTP"}) {
      const std::string port = start + "_PORT_8080_" + protocol;
      EXPECT_TRUE(is_service_link(port, "tcp://10.0.0.1:8080"));
      EXPECT_TRUE(is_service_link(port + "_PROTO", "sctp"));
      EXPECT_TRUE(is_service_link(port + "_PORT", "8080"));
      EXPECT_TRUE(is_service_link(port + "_ADDR", "10.0.0.1"));
    }
  }
}

TEST(ServiceLinkTest, ASettingWithAWrongNameIsNone) {
  using Variable = std::pair<std::string, std::string>;
  for (const auto& [name, text] :
       {Variable{"ZWSBRIDGE_PORT", "9000"}, Variable{"ZWSBRIDGE_SERVER_PORT", "9000"},
        Variable{"ZWSBRIDGE_SERVER_PORT", "http://a.example:80"},
        Variable{"ZWSBRIDGE_INGEST_PORT", "tcp://*:5556"},
        Variable{"ZWSBRIDGE_SERVER_HOST", "10.0.0.1"},
        Variable{"ZWSBRIDGE_SERVICE_HOST", "localhost"}, Variable{"ZWSBRIDGE_SERVICE_PORT", "off"},
        Variable{"ZWSBRIDGE_SERVICE_PORT_", "80"}, Variable{"ZWSBRIDGE_SERVICE_PORTS", "80"},
        Variable{"ZWSBRIDGE_SERVICE_TIMEOUT", "80"}, Variable{"ZWSBRIDGE_PORT_80", "80"},
        Variable{"ZWSBRIDGE_PORT_HTTP_TCP", "tcp://10.0.0.1:80"},
        Variable{"ZWSBRIDGE_80_TCP", "80"}, Variable{"ZWSBRIDGE_PORT_80_TCP", "80"},
        Variable{"ZWSBRIDGE_PORT_80_TCP_PROTO", "80"}, Variable{"ZWSBRIDGE_PORT_80_TCP_ADDR", "80"},
        Variable{"ZWSBRIDGE_PORT_80_TCP_PORT", "x"}, Variable{"ZWSBRIDGE_TCP", "tcp"},
        Variable{"ZWSBRIDGE_", ""}}) {
    EXPECT_FALSE(is_service_link(name, text)) << name << '=' << text;
  }
}

}  // namespace
}  // namespace zws::config
