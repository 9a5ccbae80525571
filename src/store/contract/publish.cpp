// Every outcome of a publish, and that nothing changes where it fails.
#include "store/contract/contract.hpp"

namespace ratebook::store::contract {

using Kind = Outcome::Kind;

void Publish::expect_refused(const PublishRequest& request, Failure failure) {
  const auto head = *store.head();
  const auto outcomes = store.publish(request);
  ASSERT_FALSE(outcomes.has_value());
  EXPECT_EQ(outcomes.error().failure, failure) << outcomes.error().message;
  EXPECT_EQ(*store.head(), head);
}

TEST_P(Publish, MakesAVersion) {
  const BatchHeader header = header_of("carrier-a", "k1", 300);
  const std::uint64_t seen = store.changed().count();
  const Outcome outcome = writer.commit(header, attempt_name(1), prices);
  EXPECT_EQ(outcome.kind, Kind::committed);
  EXPECT_EQ(outcome.version, 1U);
  EXPECT_GT(store.changed().count(), seen);

  const auto head = *store.head();
  EXPECT_EQ(head.version, 1U);
  EXPECT_EQ(head.chain, chain_after(Digest{}, 1, 1, header.id));
  const auto batch = *store.batch(header.id);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(batch->header, header);
  EXPECT_EQ(batch->status, BatchStatus::committed);
  EXPECT_EQ(batch->attempt, attempt_name(1));
  EXPECT_EQ(batch->committed_at, 1'700'000'001'000);
  EXPECT_EQ(batch->version, 1U);
  EXPECT_EQ(batch->retracted_version, 0U);
  const auto versions = *store.versions(0, 10);
  ASSERT_EQ(versions.size(), 1U);
  EXPECT_EQ(versions[0].kind, VersionKind::batch);
  EXPECT_EQ(versions[0].batch_id, header.id);
  EXPECT_EQ(versions[0].attempt, attempt_name(1));
  EXPECT_EQ(versions[0].replaced_id, "");
  EXPECT_EQ(versions[0].chain, head.chain);
  EXPECT_EQ(prices_at(store, 1), prices);
  EXPECT_EQ(prices_at(store, 0).size(), 0U);
}

TEST_P(Publish, PositionsAreTold) {
  auto positions = store.positions(true);
  ASSERT_TRUE(positions.has_value()) << positions.error().message;
  ASSERT_EQ(positions->size(), store.partition_count());
  for (const Position& position : *positions) EXPECT_EQ(position, Position{});
  auto request = writer.request({});
  request.next = {7, sha256("record")};
  ASSERT_TRUE(writer.publish(request).has_value());
  for (const bool newest : {true, false}) {
    positions = store.positions(newest);
    ASSERT_TRUE(positions.has_value());
    EXPECT_EQ(positions->front(), request.next);
  }
}

TEST_P(Publish, SeveralDecisionsHaveEachTheirVersion) {
  std::vector<Decision> decisions;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(store.stage(writer.chunk(attempt_name(i), 0, prices)).has_value());
    decisions.emplace_back(CommitDecision{header_of("carrier-a", std::to_string(i), 300), attempt_name(i), 1});
  }
  decisions.emplace_back(RetractDecision{header_of("carrier-a", "3", 300).id});
  const auto outcomes = writer.publish(writer.request(decisions));
  ASSERT_TRUE(outcomes.has_value());
  Digest chain{};
  const auto versions = *store.versions(0, 10);
  ASSERT_EQ(versions.size(), 6U);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ((*outcomes)[i].version, i + 1);
    EXPECT_EQ(versions[i].version, i + 1);
    chain = chain_after(chain, i + 1, static_cast<std::uint8_t>(versions[i].kind), versions[i].batch_id);
    EXPECT_EQ(versions[i].chain, chain);
  }
  EXPECT_EQ(versions[5].kind, VersionKind::retraction);
  EXPECT_EQ(versions[5].attempt, attempt_name(3));
  EXPECT_EQ(store.versions(2, 2)->size(), 2U);
  EXPECT_EQ(store.versions(2, 2)->front().version, 3U);
}

TEST_P(Publish, SeveralChunksAreOneBatch) {
  const auto more = some_prices(200, 2);
  ASSERT_TRUE(store.stage(writer.chunk(attempt_name(1), 1, more)).has_value());
  ASSERT_TRUE(store.stage(writer.chunk(attempt_name(1), 0, prices)).has_value());
  EXPECT_EQ(writer.decide(CommitDecision{header_of("carrier-a", "k", 500), attempt_name(1), 2}).version, 1U);
  EXPECT_EQ(prices_at(store, 1), sum_of(prices, more));
}

TEST_P(Publish, AllOrNothing_StagedIsInvisible) {
  writer.commit(header_of("carrier-a", "k1", 300), attempt_name(1), prices);
  ASSERT_TRUE(store.stage(writer.chunk(attempt_name(2), 0, prices)).has_value());
  writer.publish(writer.request({}));
  expect_rows(600);  // committed, since the publish took them along
  EXPECT_EQ(prices_at(store, 1), prices);
  EXPECT_EQ(prices_at(store, 99), prices);
}

TEST_P(Publish, ChunkIsStagedOnce) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(store.stage(writer.chunk(attempt_name(1), 0, prices)).has_value());
  EXPECT_EQ(writer.decide(CommitDecision{header_of("carrier-a", "k", 300), attempt_name(1), 1}).version, 1U);
  expect_rows(300);
}

TEST_P(Publish, UnsortedChunkIsRefused) {
  std::ranges::reverse(prices);
  EXPECT_EQ(store.stage(writer.chunk(attempt_name(1), 0, prices)).error().failure, Failure::refused);
}

TEST_P(Publish, ExactlyOnce_SameIdIsARepeat) {
  const BatchHeader header = header_of("carrier-a", "k1", 300);
  writer.commit(header, attempt_name(1), prices);
  const Outcome again = writer.commit(header, attempt_name(2), prices);
  EXPECT_EQ(again.kind, Kind::repeat);
  EXPECT_EQ(again.version, 1U);
  EXPECT_EQ(store.head()->version, 1U);
  expect_rows(300);  // what the repeat staged is swept
  EXPECT_EQ(markers(), 1);
  EXPECT_EQ(prices_at(store, 1), prices);
}

TEST_P(Publish, RepeatOfTheSameAttemptKeepsItsPrices) {
  const BatchHeader header = header_of("carrier-a", "k1", 300);
  writer.commit(header, attempt_name(1), prices);
  EXPECT_EQ(writer.decide(CommitDecision{header, attempt_name(1), 1}).kind, Kind::repeat);
  EXPECT_EQ(prices_at(store, 1), prices);
}

TEST_P(Publish, SweepNeverTakesABatchsPrices) {
  writer.commit(header_of("carrier-a", "k1", 300), attempt_name(1), prices);
  auto request = writer.request({});
  request.swept = {attempt_name(1)};
  ASSERT_TRUE(writer.publish(request).has_value());
  EXPECT_EQ(prices_at(store, 1), prices);
  const Outcome again = writer.commit(header_of("carrier-a", "k1", 300), attempt_name(1), prices);
  EXPECT_EQ(again.kind, Kind::repeat) << "it counts on";
  EXPECT_EQ(again.version, 1U);
}

TEST_P(Publish, OtherContentUnderTheKeyIsAKeyConflict) {
  writer.commit(header_of("carrier-a", "k1", 300, "one"), attempt_name(1), prices);
  const BatchHeader other = header_of("carrier-a", "k1", 300, "two");
  const Outcome outcome = writer.commit(other, attempt_name(2), prices);
  EXPECT_EQ(outcome.kind, Kind::key_conflict);
  EXPECT_EQ(outcome.version, 0U);
  expect_rows(300);
  const auto row = *store.batch(other.id);
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->status, BatchStatus::rejected);
  EXPECT_EQ(row->rejection, Rejection::key_conflict);
  EXPECT_EQ(row->version, 0U);
  EXPECT_EQ(store.batch_by_key("carrier-a", "k1")->value().header.digest, sha256("one"));

  const Outcome again = writer.commit(other, attempt_name(3), prices);
  EXPECT_EQ(again.kind, Kind::repeat) << "what is decided, by id, stays decided";
  EXPECT_EQ(again.version, 0U);
  expect_rows(300);
  EXPECT_EQ(writer.commit(header_of("carrier-b", "k1", 300, "two"), attempt_name(4), prices).kind, Kind::committed)
      << "the same key from another source";
}

TEST_P(Publish, RepeatOfARejectedAttemptIsSwept) {
  writer.commit(header_of("carrier-a", "k1", 300, "one"), attempt_name(1), prices);
  const BatchHeader other = header_of("carrier-a", "k1", 300, "two");
  writer.commit(other, attempt_name(2), prices);
  EXPECT_EQ(writer.commit(other, attempt_name(2), prices).kind, Kind::repeat);
  expect_rows(300);
}

TEST_P(Publish, RetractedBatchStillHoldsItsKey) {
  const BatchHeader header = header_of("carrier-a", "k1", 300, "one");
  writer.commit(header, attempt_name(1), prices);
  writer.decide(RetractDecision{header.id});
  EXPECT_EQ(writer.commit(header_of("carrier-a", "k1", 300, "two"), attempt_name(2), prices).kind, Kind::key_conflict);
  EXPECT_EQ(writer.commit(header, attempt_name(3), prices).kind, Kind::repeat);
  EXPECT_EQ(store.batch_by_key("carrier-a", "k1")->value().status, BatchStatus::retracted);
}

TEST_P(Publish, RejectedBatchDoesNotHoldItsKey) {
  const BatchHeader orphan = header_of("carrier-a", "k1", 300, "one", std::string(32, '0'));
  EXPECT_EQ(writer.commit(orphan, attempt_name(1), prices).kind, Kind::replaces_conflict);
  EXPECT_EQ(store.batch(orphan.id)->value().rejection, Rejection::replaces_conflict);
  EXPECT_EQ(store.batch(orphan.id)->value().header.replaces, std::string(32, '0'));
  EXPECT_FALSE(store.batch_by_key("carrier-a", "k1")->has_value());
  EXPECT_EQ(writer.commit(header_of("carrier-a", "k1", 300, "two"), attempt_name(2), prices).kind, Kind::committed);
}

TEST_P(Publish, ReplacingIsOneVersion) {
  const BatchHeader first = header_of("carrier-a", "k1", 300);
  writer.commit(first, attempt_name(1), prices);
  const auto others = some_prices(200, 9);
  const BatchHeader second = header_of("carrier-a", "k2", 200, "", first.id);
  EXPECT_EQ(writer.commit(second, attempt_name(2), others).version, 2U);
  EXPECT_EQ(prices_at(store, 1), prices);
  EXPECT_EQ(prices_at(store, 2), others);
  const auto replaced = store.batch(first.id)->value();
  EXPECT_EQ(replaced.status, BatchStatus::retracted);
  EXPECT_EQ(replaced.retracted_version, 2U);
  EXPECT_EQ(replaced.version, 1U);
  const auto row = store.versions(1, 1)->front();
  EXPECT_EQ(row.kind, VersionKind::batch);
  EXPECT_EQ(row.batch_id, second.id);
  EXPECT_EQ(row.replaced_id, first.id);
  EXPECT_EQ(row.replaced_attempt, attempt_name(1));
}

TEST_P(Publish, WhatIsNotThereToReplaceIsAConflict) {
  const BatchHeader first = header_of("carrier-a", "k1", 300);
  writer.commit(first, attempt_name(1), prices);
  EXPECT_EQ(writer.commit(header_of("carrier-b", "k", 300, "", first.id), attempt_name(2), prices).kind,
            Kind::replaces_conflict)
      << "of another source";
  writer.decide(RetractDecision{first.id});
  EXPECT_EQ(writer.commit(header_of("carrier-a", "k2", 300, "", first.id), attempt_name(3), prices).kind,
            Kind::replaces_conflict)
      << "retracted";
  expect_rows(300);
  EXPECT_EQ(prices_at(store, store.head()->version).size(), 0U);
}

TEST_P(Publish, RetractionTakesABatchOutAndKeepsThePast) {
  const BatchHeader header = header_of("carrier-a", "k1", 300);
  writer.commit(header, attempt_name(1), prices);
  const auto others = some_prices(100, 5);
  writer.commit(header_of("carrier-b", "k1", 100), attempt_name(2), others);
  const Outcome outcome = writer.decide(RetractDecision{header.id});
  EXPECT_EQ(outcome.kind, Kind::retracted);
  EXPECT_EQ(outcome.version, 3U);
  EXPECT_EQ(prices_at(store, 3), others);
  EXPECT_EQ(prices_at(store, 2), sum_of(prices, others));
  const Outcome again = writer.decide(RetractDecision{header.id});
  EXPECT_EQ(again.kind, Kind::already_retracted);
  EXPECT_EQ(again.version, 3U);
  EXPECT_EQ(store.head()->version, 3U);
}

TEST_P(Publish, OnlyACommittedBatchIsRetracted) {
  EXPECT_EQ(writer.decide(RetractDecision{std::string(32, 'f')}).kind, Kind::not_committed);
  const BatchHeader orphan = header_of("carrier-a", "k1", 300, "", std::string(32, '0'));
  writer.commit(orphan, attempt_name(1), prices);
  EXPECT_EQ(writer.decide(RetractDecision{orphan.id}).kind, Kind::not_committed);
  EXPECT_EQ(store.head()->version, 0U);
}

TEST_P(Publish, MissingMarkersAreNotFoundAndNothingChanges) {
  const BatchHeader good = header_of("carrier-a", "good", 300);
  ASSERT_TRUE(store.stage(writer.chunk(attempt_name(1), 0, prices)).has_value());
  ASSERT_TRUE(store.stage(writer.chunk(attempt_name(2), 1, prices)).has_value());
  const std::vector<CommitDecision> bad = {
      {header_of("carrier-a", "a", 300), attempt_name(9), 1},  // nothing staged
      {header_of("carrier-a", "b", 600), attempt_name(2), 2},  // chunk 0 is missing
      {header_of("carrier-a", "c", 300), attempt_name(2), 1},  // chunk 1 is not chunk 0
      {header_of("carrier-a", "d", 299), attempt_name(1), 1},  // another count
  };
  for (const auto& decision : bad) {
    expect_refused(writer.request({CommitDecision{good, attempt_name(1), 1}, decision}), Failure::not_found);
    EXPECT_FALSE(store.batch(good.id)->has_value());
  }
  const Outcome outcome = writer.decide(CommitDecision{good, attempt_name(1), 1});
  EXPECT_EQ(outcome.kind, Kind::committed) << "what was staged stands, what was decided does not";
  EXPECT_EQ(outcome.version, 1U);
}

TEST_P(Publish, AnotherPositionIsLost) {
  auto request = writer.request({});
  request.expected.offset += 7;
  expect_refused(request, Failure::lost);
  request = writer.request({});
  request.expected.digest[0] = 1;
  expect_refused(request, Failure::lost);
  EXPECT_TRUE(writer.publish(writer.request({})).has_value());
}

TEST_P(Publish, StaleWriterIsLost) {
  TestWriter stale = writer;
  writer.claim();
  EXPECT_GT(writer.epoch, stale.epoch);
  EXPECT_EQ(store.stage(stale.chunk(attempt_name(1), 0, prices)).error().failure, Failure::lost);
  expect_refused(stale.request({}), Failure::lost);
  EXPECT_TRUE(writer.publish(writer.request({})).has_value());
}

TEST_P(Publish, PositionComesBackWithTheNextClaim) {
  auto request = writer.request({});
  request.next = {.offset = 41, .digest = sha256("record 41")};
  ASSERT_TRUE(writer.publish(request).has_value());
  writer.claim();
  EXPECT_EQ(writer.position, request.next);
}

TEST_P(Publish, SweptAttemptsGo) {
  for (std::uint32_t chunk = 0; chunk < 3; ++chunk) {
    ASSERT_TRUE(store.stage(writer.chunk(attempt_name(1), chunk, prices)).has_value());
  }
  ASSERT_TRUE(store.stage(writer.chunk(attempt_name(2), 0, prices)).has_value());
  auto request = writer.request({CommitDecision{header_of("carrier-a", "k", 300), attempt_name(2), 1}});
  request.swept = {attempt_name(1), attempt_name(77)};
  ASSERT_TRUE(writer.publish(request).has_value());
  expect_rows(300);
  EXPECT_EQ(markers(), 1);
  EXPECT_EQ(prices_at(store, 1), prices);
  // Rows that come where swept ones stood belong to their own chunk only.
  EXPECT_EQ(writer.commit(header_of("carrier-a", "k2", 300), attempt_name(3), prices).version, 2U);
  EXPECT_EQ(prices_at(store, 2), sum_of(prices, prices));
}

TEST_P(Publish, BadRecordsAreKeptForPeople) {
  auto request = writer.request({});
  request.bad_records = {{.offset = 0, .bytes = std::string{"\0x", 2}, .why = "no header"}};
  ASSERT_TRUE(writer.publish(request).has_value());
  EXPECT_EQ(made->rows("SELECT partition, \"offset\", length(bytes), why FROM bad_record"),
            std::vector<std::string>{"0|0|2|no header"});
}

TEST_P(Publish, BadRecordsAreBoundedAndTheRestIsCounted) {
  Offset offset = 0;
  const auto pass = [&](std::size_t count, std::size_t size) {
    auto request = writer.request({});
    for (std::size_t i = 0; i < count; ++i) request.bad_records.push_back({offset++, std::string(size, 'x'), "bad"});
    ASSERT_TRUE(writer.publish(request).has_value());
  };
  // Some stores drop them a little later.
  const auto comes_to = [&](const std::string& sql, const std::string& wanted) {
    for (int i = 0; i < 500 && made->rows(sql) != std::vector{wanted}; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    EXPECT_EQ(made->rows(sql), std::vector{wanted}) << sql;
  };
  const std::string kept = "SELECT count(*), min(\"offset\"), max(\"offset\") FROM bad_record";
  const std::string dropped = "SELECT partition, records, bytes FROM bad_record_dropped";
  pass(600, 3);
  pass(403, 3);
  comes_to(kept, "1000|3|1002");
  comes_to(dropped, "0|3|9");
  for (int i = 0; i < 9; ++i) pass(2, 1U << 20U);
  comes_to(kept, "16|1005|1020");
  comes_to(dropped, "0|1005|" + std::to_string(1003 * 3 + (2LL << 20U)));
}

TEST_P(Publish, BatchesAreListedNewestFirst) {
  for (int i = 0; i < 7; ++i) {
    writer.commit(header_of(i % 2 == 0 ? "carrier-a" : "carrier-b", std::to_string(i), 300), attempt_name(i), prices);
  }
  writer.decide(RetractDecision{header_of("carrier-a", "2", 300).id});
  const auto keys = [&](const BatchFilter& filter) {
    std::string found;
    BatchFilter page = filter;
    while (true) {
      const auto batches = store.batches(page);
      EXPECT_TRUE(batches.has_value());
      EXPECT_LE(batches->batches.size(), filter.limit);
      for (const auto& batch : batches->batches) found += batch.header.key;
      if (!batches->before) return found;
      page.before = *batches->before;
    }
  };
  EXPECT_EQ(keys({}), "6543210");
  EXPECT_EQ(keys({.limit = 2}), "6543210");
  EXPECT_EQ(keys({.limit = 7}), "6543210");
  EXPECT_EQ(keys({.source = "carrier-a", .limit = 3}), "6420");
  EXPECT_EQ(keys({.status = BatchStatus::retracted}), "2");
  EXPECT_EQ(keys({.source = "carrier-b", .status = BatchStatus::committed, .limit = 1}), "531");
  EXPECT_EQ(keys({.status = BatchStatus::rejected}), "");
  EXPECT_EQ(keys({.source = "nobody"}), "");
  EXPECT_FALSE(store.batches({.limit = 7})->before.has_value());
}

TEST_P(Publish, PortsAreNumberedInTheOrderMet) {
  const auto code = [](std::string_view text) { return *PortCode::parse(text); };
  EXPECT_EQ(*store.number_ports(std::vector{code("CNSGH"), code("NLRTM"), code("CNSGH")}),
            (std::vector<PortNumber>{0, 1, 0}));
  EXPECT_EQ(*store.number_ports(std::vector{code("DEHAM"), code("NLRTM")}), (std::vector<PortNumber>{2, 1}));
  writer.publish(writer.request({}));
  EXPECT_EQ(store.places(0)->ports.size(), 3U);
}

}  // namespace ratebook::store::contract
