<?php
// Run with: php test.php

declare(strict_types=1);

require __DIR__ . '/app.php';

function check(bool $holds, string $what): void
{
    echo $holds ? 'ok   ' : 'FAIL ', $what, "\n";
    if (!$holds) {
        exit(1);
    }
}

check(str_contains(respond('/', '/projects/shop/')[2], 'href="/projects/shop/api"'), 'the page links below the prefix');
check(!str_contains(respond('/', '"><script>')[2], '<script>'), 'the prefix cannot bring markup');
check(respond('/healthz', '')[0] === 200, 'the health check answers');
check(respond('/missing', '')[0] === 404, 'an unknown path is not found');
