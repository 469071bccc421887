import { expect, it } from "vitest";
import { between, sample } from "./figures";

const metrics = (buys: number, failures: number, slow: number) => `# TYPE http_requests counter
http_requests_total{service="trade",method="POST",route="/trades/buy",status="201"} ${buys}
http_requests_total{service="trade",method="GET",route="/trades/{trade_id}",status="500"} ${failures}
http_requests_total{service="trade",method="GET",route="/health",status="200"} 999
http_request_duration_seconds_bucket{le="0.001",service="trade",method="POST",route="/trades/buy"} ${buys - slow}
http_request_duration_seconds_bucket{le="0.5",service="trade",method="POST",route="/trades/buy"} ${buys}
http_request_duration_seconds_bucket{le="+Inf",service="trade",method="POST",route="/trades/buy"} ${buys}
http_requests_in_flight{service="trade"} 1
# EOF
`;

it("tells what happened between two looks, without what the watching itself asks", () => {
  const rates = between(sample(metrics(100, 1, 0), 0), sample(metrics(300, 3, 1), 2_000));
  expect(rates).toEqual({ requests: 101, orders: 100, failures: 1, p99: 0.001 });
});

it("takes the bucket that 99 of 100 are within", () => {
  expect(between(sample(metrics(0, 0, 0), 0), sample(metrics(100, 0, 2), 1_000))?.p99).toBe(0.5);
  expect(between(sample(metrics(5, 0, 0), 0), sample(metrics(5, 0, 0), 1_000))?.p99).toBeNull();
});

it("tells nothing across a restart", () => {
  expect(between(sample(metrics(5, 0, 0), 0), sample(metrics(1, 0, 0), 1_000))).toBeNull();
});
