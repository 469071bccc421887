// Written by `npm run types` from the OpenAPI document of trade.

export interface paths {
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the service and its database are well. */
        get: operations["get_health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/livez": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the process is alive; asks nothing else. */
        get: operations["get_livez"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Metrics for Prometheus, in the text form of `OpenMetrics`. */
        get: operations["get_metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/operations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows which release serves, how it is, and its metrics. */
        get: operations["get_operations"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/portfolio/{user_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists a user's open positions by symbol; market figures are null while a price is not known. */
        get: operations["get_portfolio_user_id"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/portfolio/{user_id}/summary": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Sums up a user's portfolio. */
        get: operations["get_portfolio_user_id_summary"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the service should be sent requests. */
        get: operations["get_readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/trades": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists a user's trades, newest first. */
        get: operations["get_trades"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/trades.csv": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Sends all of a user's trades as a file, newest first.
         * @description A file that cannot be completed breaks off with its connection.
         */
        get: operations["get_trades_csv"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/trades/buy": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Executes a buy order. */
        post: operations["post_trades_buy"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/trades/sell": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Executes a sell order. */
        post: operations["post_trades_sell"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/trades/{trade_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows one trade. */
        get: operations["get_trades_trade_id"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description What is wrong with one part of a request. */
        FieldError: {
            /** @description What is wrong with it. */
            detail: string;
            /** @description Name of a parameter of the path, the query or the header. */
            parameter?: string | null;
            /** @description JSON pointer (RFC 6901) into the body. */
            pointer?: string | null;
        };
        /** @description How a service does. */
        Figures: {
            /**
             * @description `healthy`, or the code of what is wrong.
             * @example healthy
             */
            health: string;
            /** @description The image that it runs from, by its digest where a release started it. */
            image?: string | null;
            /** @description Its metrics, as `/metrics` has them. */
            metrics: string;
            /**
             * @description Its name.
             * @example trade
             */
            service: string;
            /** @description When it was started. */
            started_at: components["schemas"]["Timestamp"];
            /** @description Its version. */
            version: string;
        };
        /** @description That a service is well. */
        Health: {
            /** @description Its name. */
            service: string;
            /**
             * @description Always `healthy`; a service that is not answers with a problem.
             * @example healthy
             */
            status: string;
            /** @description Its version. */
            version: string;
        };
        /**
         * @description Who somebody is, for logs and records: `key:<id>` or `sub:<subject of a token>`.
         * @example key:1f0c9a37
         */
        Identity: string;
        /**
         * @description Amount of money: a decimal of at most 10 fraction digits.
         * @example 1895
         */
        Money: number;
        /** @description An order as it is sent. */
        NewOrder: {
            price: number | string;
            quantity: number | string;
            /** @description The stock. */
            symbol: components["schemas"]["Symbol"];
            /** @description Whose order it is. */
            user_id: components["schemas"]["UserId"];
        };
        /** @description An open position at the market's price. */
        Position: {
            /** @description What one share cost on average, to 10 fraction digits. */
            average_price: components["schemas"]["Money"];
            /** @description What the shares cost. */
            cost_basis: components["schemas"]["Money"];
            market_price?: components["schemas"]["Price"] | null;
            market_value?: components["schemas"]["Money"] | null;
            /** @description How many shares. */
            quantity: components["schemas"]["Quantity"];
            /** @description Profit of the sells since the position was opened. */
            realized_pnl: components["schemas"]["Money"];
            /** @description The stock. */
            symbol: components["schemas"]["Symbol"];
            unrealized_pnl?: components["schemas"]["Money"] | null;
            /** @description When it was last traded. */
            updated_at: components["schemas"]["Timestamp"];
            /** @description Whose position it is. */
            user_id: components["schemas"]["UserId"];
        };
        /**
         * @description Price of one share: a decimal of at most 4 fraction digits, read from its digits.
         * @example 189.5
         */
        Price: number;
        /** @description A problem document (RFC 9457). */
        Problem: {
            /** @description The kind of problem, for programs; it never changes. */
            code: string;
            /** @description What went wrong this time. */
            detail: string;
            /** @description The parts of the request that are wrong. */
            errors?: components["schemas"]["FieldError"][];
            /** @description Id of the request, as in X-Request-ID. */
            instance: string;
            /**
             * Format: int32
             * @description The HTTP status.
             */
            status: number;
            /** @description The kind of problem, for people. */
            title: string;
            /** @description URN of the kind of problem. */
            type: string;
        };
        /**
         * @description Number of shares: a decimal of at most 6 fraction digits, read from its digits.
         * @example 10
         */
        Quantity: number;
        /**
         * @description Whether an order buys or sells; `"buy"` and `"sell"` on the wire.
         * @enum {string}
         */
        Side: "buy" | "sell";
        /** @description A user's portfolio in sums. */
        Summary: {
            /** @description What the shares held cost. */
            cost_basis: components["schemas"]["Money"];
            market_value?: components["schemas"]["Money"] | null;
            /** @description How many positions are open. */
            positions: number;
            /** @description Profit of all sells ever. */
            realized_pnl: components["schemas"]["Money"];
            unrealized_pnl?: components["schemas"]["Money"] | null;
            /** @description Whose portfolio it is. */
            user_id: components["schemas"]["UserId"];
        };
        /**
         * @description Ticker; lower case is taken as upper case.
         * @example AAPL
         */
        Symbol: string;
        /**
         * Format: date-time
         * @example 2026-01-31T09:30:00.000000Z
         */
        Timestamp: string;
        /** @description An executed order. */
        Trade: {
            /** @description When it was executed. */
            executed_at: components["schemas"]["Timestamp"];
            /**
             * Format: uuid
             * @description UUIDv7: sorts by time.
             */
            id: string;
            placed_by?: components["schemas"]["Identity"] | null;
            /** @description The price of one share. */
            price: components["schemas"]["Price"];
            /** @description How many shares. */
            quantity: components["schemas"]["Quantity"];
            /** @description Of a sell: its total less what the shares cost on average. */
            realized_pnl?: components["schemas"]["Money"];
            /** @description Bought or sold. */
            side: components["schemas"]["Side"];
            /** @description The stock. */
            symbol: components["schemas"]["Symbol"];
            /** @description Quantity times price, exactly. */
            total: components["schemas"]["Money"];
            /** @description Whose trade it is. */
            user_id: components["schemas"]["UserId"];
        };
        /** @example user-001 */
        UserId: string;
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    get_health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The database does not answer */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_livez: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not available for now; see Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/openmetrics-text": string;
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not available for now; see Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_operations: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Figures"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not available for now; see Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_portfolio_user_id: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                user_id: components["schemas"]["UserId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Open positions; none for a user that is not known */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Position"][];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A part of the request is wrong */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not available for now; see Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_portfolio_user_id_summary: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                user_id: components["schemas"]["UserId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Summary"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A part of the request is wrong */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not available for now; see Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_readyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Starting, stopping, or without its database */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_trades: {
        parameters: {
            query: {
                /** @description Whose trades. */
                user_id: components["schemas"]["UserId"];
                /** @description Only trades in this stock. */
                symbol?: components["schemas"]["Symbol"];
                /** @description Only trades of this side. */
                side?: components["schemas"]["Side"];
                /** @description Only trades executed at this time or after it. */
                from?: components["schemas"]["Timestamp"];
                /** @description Only trades executed before this time. */
                to?: components["schemas"]["Timestamp"];
                /** @description How many to list at the most. */
                limit?: number;
                /** @description Where the page before ended, as its Link says. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of trades */
            200: {
                headers: {
                    /** @description The next page, rel="next" */
                    Link?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Trade"][];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A part of the request is wrong */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not available for now; see Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_trades_csv: {
        parameters: {
            query: {
                /** @description Whose trades. */
                user_id: components["schemas"]["UserId"];
                /** @description Only trades in this stock. */
                symbol?: components["schemas"]["Symbol"];
                /** @description Only trades of this side. */
                side?: components["schemas"]["Side"];
                /** @description Only trades executed at this time or after it. */
                from?: components["schemas"]["Timestamp"];
                /** @description Only trades executed before this time. */
                to?: components["schemas"]["Timestamp"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A line with the names of the columns, then a line a trade */
            200: {
                headers: {
                    /** @description A name for the file */
                    "Content-Disposition"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "text/csv": string;
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A part of the request is wrong */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not available for now; see Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    post_trades_buy: {
        parameters: {
            query?: never;
            header?: {
                /** @description Key under which the order happens once, for 24 h */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewOrder"];
            };
        };
        responses: {
            /** @description The trade */
            201: {
                headers: {
                    /** @description `true` on an answer that was given before */
                    "Idempotency-Replayed"?: string;
                    /** @description Path of the trade */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Trade"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is no JSON by its content type */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unknown_symbol, validation_failed, idempotency_key_reused */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not available for now; see Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    post_trades_sell: {
        parameters: {
            query?: never;
            header?: {
                /** @description Key under which the order happens once, for 24 h */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewOrder"];
            };
        };
        responses: {
            /** @description The trade */
            201: {
                headers: {
                    /** @description `true` on an answer that was given before */
                    "Idempotency-Replayed"?: string;
                    /** @description Path of the trade */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Trade"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is no JSON by its content type */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description insufficient_holdings with requested and available, unknown_symbol, validation_failed, idempotency_key_reused */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not available for now; see Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    get_trades_trade_id: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                trade_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Trade"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description unknown_trade */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description A part of the request is wrong */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The service failed */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not available for now; see Retry-After */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
