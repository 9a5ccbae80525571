// The functions in the database, as this program wants them: put there by the migration that this program came with.
// They keep name and arguments, or are an overload: programs before and after it call them meanwhile (rule 17).
#pragma once
#include <string_view>

namespace ratebook::postgres {

inline constexpr std::string_view functions = R"sql(
-- An attempt's markers go, unless they are those of a batch; its prices follow in time.
CREATE OR REPLACE FUNCTION sweep(the_attempt text) RETURNS void LANGUAGE sql AS $$
  WITH gone AS (
    DELETE FROM marker WHERE attempt = the_attempt
      AND NOT EXISTS (SELECT FROM batch WHERE batch.attempt = the_attempt AND status <> 2)
    RETURNING number)
  INSERT INTO swept_chunk SELECT number FROM gone;
$$;

-- The version after `h`; nothing else makes one.
CREATE OR REPLACE FUNCTION add_version(h head, kind integer, content bytea, batch bigint, replaced bigint, made_at bigint)
RETURNS head LANGUAGE plpgsql AS $$
BEGIN
  h.version := h.version + 1;
  h.chain := sha256(h.chain || int8send(h.version) || set_byte('\x00', 0, kind) || content);
  INSERT INTO version VALUES (h.version, kind, batch, replaced, made_at, h.chain);
  RETURN h;
END $$;

-- Rules 7, 8 and 11. Kinds of outcomes are those of store::Outcome::Kind. RB001: position or epoch is another. RB002: an
-- attempt is not wholly staged. What a source's decisions depend on changes under its partition's row alone, which the
-- first statement locks; `head` is locked only to number them.
CREATE OR REPLACE FUNCTION publish(the_partition integer, the_epoch bigint, expected_offset bigint, expected_digest bytea,
                        next_offset bigint, next_digest bytea, made_at bigint, decisions jsonb, swept text[], bad jsonb)
RETURNS TABLE (outcome integer, outcome_version bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  d record;
  h head;
  known batch;
  replaced batch;
  conflict integer;
  staged record;
BEGIN
  UPDATE log_partition SET position_offset = next_offset, position_digest = next_digest
    WHERE partition = the_partition AND epoch = the_epoch
      AND position_offset = expected_offset AND position_digest = expected_digest;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'RB001', MESSAGE = 'the partition''s position or epoch is another';
  END IF;
  INSERT INTO bad_record SELECT the_partition, b."offset", decode(b.bytes, 'hex'), b.why, made_at
    FROM jsonb_to_recordset(bad) AS b ("offset" bigint, bytes text, why text) ON CONFLICT DO NOTHING;
  INSERT INTO void_attempt SELECT a, (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM unnest(swept) AS a
    WHERE NOT EXISTS (SELECT FROM batch WHERE batch.attempt = a AND status <> 2) ON CONFLICT DO NOTHING;
  PERFORM sweep(a) FROM unnest(swept) AS a;
  IF jsonb_array_length(decisions) = 0 THEN RETURN; END IF;

  SELECT * INTO h FROM head FOR UPDATE;
  FOR d IN
    SELECT * FROM jsonb_to_recordset(decisions) AS t (retracts text, attempt text, chunks integer, id text, source text,
      key text, digest text, prices bigint, accepted_at bigint, replaces text)
  LOOP
    IF d.retracts IS NOT NULL THEN
      SELECT * INTO known FROM batch WHERE batch.id = d.retracts;
      IF NOT FOUND OR known.status = 2 THEN
        outcome := 6; outcome_version := 0;
      ELSIF known.status = 3 THEN
        outcome := 5; outcome_version := known.retracted_version;
      ELSE
        h := add_version(h, 2, convert_to(d.retracts, 'UTF8'), known.sequence, NULL, made_at);
        UPDATE batch SET status = 3, retracted_version = h.version WHERE sequence = known.sequence;
        outcome := 4; outcome_version := h.version;
      END IF;
      RETURN NEXT;
      CONTINUE;
    END IF;

    IF EXISTS (SELECT FROM void_attempt WHERE void_attempt.attempt = d.attempt) THEN
      PERFORM sweep(d.attempt);
      outcome := 7; outcome_version := 0;
      RETURN NEXT;
      CONTINUE;
    END IF;
    SELECT * INTO known FROM batch WHERE batch.id = d.id;
    IF FOUND THEN
      PERFORM sweep(d.attempt);
      outcome := 1; outcome_version := known.version;
      RETURN NEXT;
      CONTINUE;
    END IF;

    conflict := 0;
    replaced := NULL;
    IF EXISTS (SELECT FROM batch WHERE batch.source = d.source AND idempotency_key = d.key AND status <> 2) THEN
      conflict := 1;
    ELSIF d.replaces <> '' THEN
      SELECT * INTO replaced FROM batch WHERE batch.id = d.replaces AND status = 1 AND batch.source = d.source;
      IF NOT FOUND THEN conflict := 2; END IF;
    END IF;
    h.sequence := h.sequence + 1;
    IF conflict > 0 THEN
      INSERT INTO batch VALUES (h.sequence, d.id, d.source, d.key, decode(d.digest, 'hex'), d.prices, d.replaces, 2,
                                conflict, d.attempt, d.accepted_at, 0, 0, 0);
      PERFORM sweep(d.attempt);
      outcome := 1 + conflict; outcome_version := 0;
      RETURN NEXT;
      CONTINUE;
    END IF;

    SELECT count(*) AS chunks, coalesce(max(chunk), -1) AS last, coalesce(sum(price_count), 0) AS prices INTO staged
      FROM marker WHERE marker.attempt = d.attempt;
    IF staged.chunks <> d.chunks OR staged.last <> d.chunks - 1 OR staged.prices <> d.prices THEN
      RAISE EXCEPTION USING ERRCODE = 'RB002', MESSAGE = format('attempt %s is not wholly staged', d.attempt);
    END IF;
    INSERT INTO batch VALUES (h.sequence, d.id, d.source, d.key, decode(d.digest, 'hex'), d.prices, d.replaces, 1, 0,
                              d.attempt, d.accepted_at, made_at, h.version + 1, 0);
    h := add_version(h, 1, convert_to(d.id, 'UTF8'), h.sequence, replaced.sequence, made_at);
    IF replaced.sequence IS NOT NULL THEN
      UPDATE batch SET status = 3, retracted_version = h.version WHERE sequence = replaced.sequence;
    END IF;
    outcome := 0; outcome_version := h.version;
    RETURN NEXT;
  END LOOP;
  UPDATE head SET version = h.version, chain = h.chain, sequence = h.sequence;
  PERFORM pg_notify('ratebook', '');
END $$;

-- The places of a version: `document` names its ports in the order of their numbers, known ones and new ones.
CREATE OR REPLACE FUNCTION insert_places(the_version bigint, document jsonb) RETURNS void LANGUAGE sql AS $$
  INSERT INTO region SELECT the_version, ordinal - 1, r ->> 'slug', r ->> 'name', nullif(r ->> 'parent', '')
    FROM jsonb_array_elements(document -> 'regions') WITH ORDINALITY AS t (r, ordinal);
  INSERT INTO port SELECT ordinal - 1, p ->> 'code'
    FROM jsonb_array_elements(document -> 'ports') WITH ORDINALITY AS t (p, ordinal)
    WHERE ordinal > (SELECT count(*) FROM port);
  INSERT INTO port_place
    SELECT the_version, ordinal - 1, p ->> 'name', nullif(p ->> 'parent', ''), (p ->> 'closed')::boolean
    FROM jsonb_array_elements(document -> 'ports') WITH ORDINALITY AS t (p, ordinal);
$$;

-- Whoever calls it holds the locks of `head` and of all ports: `document` is what replace_places made of what stood.
CREATE OR REPLACE FUNCTION put_places(content bytea, document jsonb, made_at bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  h head;
BEGIN
  SELECT * INTO h FROM head;
  h := add_version(h, 3, content, NULL, NULL, made_at);
  PERFORM insert_places(h.version, document);
  UPDATE head SET version = h.version, chain = h.chain;
  PERFORM pg_notify('ratebook', '');
  RETURN h.version;
END $$;
)sql";

}  // namespace ratebook::postgres
