// Names that any two nodes of any two releases must give alike: each against a value that python's hashlib computed.
#include "model/digest.hpp"

#include <gtest/gtest.h>

#include "model/batch.hpp"

namespace ratebook {
namespace {

PortCode code(std::string_view text) { return PortCode::parse(text).value(); }

const Price dear{code("CNSGH"), code("NLRTM"), Day{18658}, Cents{115450}};
const Price cheap{code("NLRTM"), code("CNSGH"), Day{0}, Cents{1}};
constexpr std::string_view other_id = "0123456789abcdef0123456789abcdef";

TEST(Digest, Sha256OfAnyPieces) {
  // The example of FIPS 180-4.
  const std::string abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(hex(sha256("abc")), abc);
  EXPECT_EQ(hex(Sha256{}.add("a").add("").add("bc").finish()), abc);
}

TEST(Digest, HexBothWays) {
  const Digest digest = sha256("abc");
  EXPECT_EQ(parse_digest(hex(digest)), digest);
  EXPECT_FALSE(parse_digest(hex(digest).substr(1)));
  EXPECT_FALSE(parse_digest(hex(digest) + "0"));
  std::string broken = hex(digest);
  broken[63] = 'g';
  EXPECT_FALSE(parse_digest(broken));
  broken[63] = ' ';
  EXPECT_FALSE(parse_digest(broken));
  EXPECT_FALSE(parse_digest(std::string(62, '0') + "-1"));
}

// python3: sha256(b"\nCNSGH,NLRTM,2021-01-31,115450\nNLRTM,CNSGH,1970-01-01,1\n").hexdigest(), and with the id before
TEST(Digest, ContentIsALinePerPriceInTheOrderSent) {
  ContentDigest content{""};
  content.add(dear);
  content.add(cheap);
  EXPECT_EQ(hex(content.finish()), "84a43f1c2dc24e73b2ec2f7f2e5724adfc7cae9d341f6e165908616b662a7752");
  ContentDigest turned{""};
  turned.add(cheap);
  turned.add(dear);
  EXPECT_NE(hex(turned.finish()), "84a43f1c2dc24e73b2ec2f7f2e5724adfc7cae9d341f6e165908616b662a7752");
}

TEST(Digest, ContentNamesWhatItReplaces) {
  ContentDigest content{other_id};
  content.add(dear);
  content.add(cheap);
  EXPECT_EQ(hex(content.finish()), "a6b3cec7d2c1a0b65c6cd03025b94efdda339dd88396fd088dea99c27cfe908d");
}

// python3: sha256(b"\n"+b"".join(b"CNSGH,NLRTM,%s,%d\n"%((date(2021,1,1)+timedelta(i%1000)).isoformat().encode(), i+1)
//          for i in range(100000))).hexdigest()
TEST(Digest, ContentOfManyPrices) {
  ContentDigest content{""};
  for (int i = 0; i < 100'000; ++i) {
    content.add({dear.orig, dear.dest, Day{18628 + i % 1000}, Cents{static_cast<std::uint32_t>(i + 1)}});
  }
  EXPECT_EQ(hex(content.finish()), "1cee738412496e6f3cb2ec9ec168ebac4380eab625b5d03620c6e147ae69606d");
}

// python3: sha256(b"carrier-a\0key-1\0" + sha256(the content above).digest()).hexdigest()[:32]
TEST(Digest, BatchIdNamesSourceKeyAndContent) {
  ContentDigest content{""};
  content.add(dear);
  content.add(cheap);
  const Digest digest = content.finish();
  const std::string id = batch_id("carrier-a", "key-1", digest);
  EXPECT_EQ(id, "f620cba3b6b67345aede21fe1f9b1999");
  EXPECT_TRUE(is_batch_id(id));
  EXPECT_NE(batch_id("carrier-b", "key-1", digest), id);
  EXPECT_NE(batch_id("carrier-a", "key-2", digest), id);
  EXPECT_NE(batch_id("carrier-a", "key-1", sha256("")), id);
}

// python3: int.from_bytes(sha256(b"carrier-a").digest()[:8], "big") % 12
TEST(Digest, PartitionOfASource) {
  EXPECT_EQ(partition_of("carrier-a", 12), 4U);
  EXPECT_EQ(partition_of("carrier-b", 12), 9U);
  EXPECT_EQ(partition_of("carrier-b", 1), 0U);
}

// python3: c1 = sha256(bytes(32) + (1).to_bytes(8, "big") + b"\x01" + id).digest()
//          sha256(c1 + (258).to_bytes(8, "big") + b"\x03" + b"places").hexdigest()
TEST(Digest, ChainOverVersions) {
  const Digest first = chain_after(Digest{}, 1, static_cast<std::uint8_t>(VersionKind::batch), other_id);
  EXPECT_EQ(hex(first), "64a94e979f756a10f2e76362aa30b08807727b184dc5f2ebc70a5dd509ff85f1");
  const Digest second = chain_after(first, 258, static_cast<std::uint8_t>(VersionKind::places), "places");
  EXPECT_EQ(hex(second), "5587c45ed841c718869f624b363d9367b7cf7531f78bb68651528d82b2da5f15");
  EXPECT_EQ(version_tag(258, second), "258-5587c45e");
}

}  // namespace
}  // namespace ratebook
