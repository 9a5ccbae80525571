-- What the existing service asks for GET /rates, with the variables of psql: orig, dest, from, to.
WITH RECURSIVE
  asked_origs AS (SELECT slug FROM regions WHERE slug = :'orig'
                  UNION SELECT child.slug FROM regions AS child
                    JOIN asked_origs AS above ON child.parent_slug = above.slug),
  asked_dests AS (SELECT slug FROM regions WHERE slug = :'dest'
                  UNION SELECT child.slug FROM regions AS child
                    JOIN asked_dests AS above ON child.parent_slug = above.slug),
  origs AS (SELECT code FROM ports WHERE code = :'orig' OR parent_slug IN (SELECT slug FROM asked_origs)),
  dests AS (SELECT code FROM ports WHERE code = :'dest' OR parent_slug IN (SELECT slug FROM asked_dests)),
  found AS (SELECT day, count(*) AS count, avg(price) AS price FROM prices
            WHERE orig_code IN (SELECT code FROM origs) AND dest_code IN (SELECT code FROM dests)
              AND day BETWEEN :'from' AND :'to' GROUP BY day)
SELECT coalesce(json_agg(json_build_object('count', count, 'day', asked.day::date,
         'price', CASE WHEN count >= 3 THEN price::float8 END) ORDER BY asked.day DESC), '[]')
FROM generate_series(:'from'::date, :'to'::date, '1 day') AS asked (day) LEFT JOIN found ON found.day = asked.day
