// TLS and passwords: the log works over them, and says what is wrong with them without telling a secret.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <mutex>

#include "kafka/test_broker.hpp"

namespace ratebook::kafka {
namespace {

using namespace testing;    // NOLINT(google-build-using-namespace)
using namespace ::testing;  // NOLINT(google-build-using-namespace)

std::string secret_file(const std::string& name) { return needed_variable("RATEBOOK_TEST_KAFKA_SECRETS") + "/" + name; }

KafkaOptions over_tls(const char* brokers, std::string protocol) {
  auto options = test_options();
  options.brokers = needed_variable(brokers);
  options.open_time_max = std::chrono::seconds{4};
  options.security.protocol = std::move(protocol);
  options.security.ca_file = secret_file("authority.pem");
  return options;
}

KafkaOptions with_password(std::string mechanism = "PLAIN") {
  auto options = over_tls("RATEBOOK_TEST_KAFKA_SASL_SSL", "sasl_ssl");
  options.security.sasl_mechanism = std::move(mechanism);
  options.security.sasl_user = "ratebook";
  options.security.sasl_password_file = secret_file("password");
  return options;
}

KafkaOptions with_certificate() {
  auto options = over_tls("RATEBOOK_TEST_KAFKA_SSL", "ssl");
  options.security.certificate_file = secret_file("node.pem");
  options.security.key_file = secret_file("node.key");
  return options;
}

void expect_to_work(const KafkaOptions& options) {
  const auto log = open_log(options);
  EXPECT_EQ(append_one(*log, 0, "secret freight"), 0);
  const auto records = log->read(0, 0, 1, Duration{0});
  ASSERT_TRUE(records) << records.error().message;
  ASSERT_EQ(records->size(), 1U);
  EXPECT_EQ(records->front().bytes, "secret freight");
}

/// Why it is not opened; also what was reported meanwhile.
std::string why_not_opened(KafkaOptions options) {
  std::mutex mutex;
  std::string said;
  options.report = [&](const Fault& fault) {
    const std::scoped_lock lock{mutex};
    said += fault.message + '\n';
  };
  const auto log = KafkaLog::open(options, test_runtime());
  EXPECT_FALSE(log);
  const std::scoped_lock lock{mutex};
  return log ? "opened" : said + log.error().message;
}

TEST(KafkaSecurity, APasswordOverTls) { expect_to_work(with_password()); }

TEST(KafkaSecurity, ScramWorksOrItIsSaidWhatItAsksFor) {
  for (const auto* mechanism : {"SCRAM-SHA-512", "SCRAM-SHA-256"}) {
    if (rd_kafka_version() >= 0x020601ff) {
      expect_to_work(with_password(mechanism));
    } else {
      EXPECT_THAT(why_not_opened(with_password(mechanism)), HasSubstr("older than 2.6.1"));
    }
  }
}

TEST(KafkaSecurity, ACertificateOfItsOwn) { expect_to_work(with_certificate()); }

TEST(KafkaSecurity, AWrongPasswordIsRefusedAndNotTold) {
  auto options = with_password();
  options.security.sasl_password_file = ::testing::TempDir() + options.topic;
  std::ofstream{options.security.sasl_password_file} << "gqpzrwmx\n";
  const auto why = why_not_opened(options);
  EXPECT_THAT(why, HasSubstr("uthentication"));
  EXPECT_THAT(why, Not(HasSubstr("gqpzrwmx")));
}

TEST(KafkaSecurity, ABrokerThatAnotherAuthoritySignedIsRefused) {
  for (auto options : {with_password(), with_certificate()}) {
    options.security.ca_file.clear();
    EXPECT_THAT(why_not_opened(options), HasSubstr("certificate"));
  }
}

TEST(KafkaSecurity, WithoutTheCertificateThatTheBrokerAsksForNothingIsOpened) {
  auto options = with_certificate();
  options.security.certificate_file.clear();
  options.security.key_file.clear();
  EXPECT_THAT(why_not_opened(options), HasSubstr("SSL"));
}

TEST(KafkaSecurity, WithoutTlsTheBrokersTlsIsNotReached) {
  auto options = with_password();
  options.security.protocol = "sasl_plaintext";
  EXPECT_NE(why_not_opened(options), "opened");
}

TEST(KafkaSecurity, APasswordFileThatIsMissingIsNamed) {
  auto options = with_password();
  options.security.sasl_password_file = "/nowhere/password";
  EXPECT_THAT(why_not_opened(options), HasSubstr("/nowhere/password"));
}

}  // namespace
}  // namespace ratebook::kafka
