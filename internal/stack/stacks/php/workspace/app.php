<?php
// A page, the same as JSON, and a health check.

declare(strict_types=1);

/**
 * What is answered to a path, below the prefix that the gateway stripped from it.
 *
 * @return array{int, string, string} status, type and body
 */
function respond(string $path, string $prefix): array
{
    $project = getenv('ISOLAB_PROJECT') ?: 'project';
    $environment = getenv('ISOLAB_ENVIRONMENT') ?: 'local';
    return match ($path) {
        '/' => [200, 'text/html', page($project, $environment, rtrim($prefix, '/'))],
        '/api' => [200, 'application/json', json_encode(['project' => $project, 'environment' => $environment], JSON_THROW_ON_ERROR)],
        '/healthz' => [200, 'text/plain', "ok\n"],
        default => [404, 'text/plain', "Not found\n"],
    };
}

function page(string $project, string $environment, string $prefix): string
{
    [$project, $environment, $prefix] = array_map(htmlspecialchars(...), [$project, $environment, $prefix]);
    $version = PHP_VERSION;
    return <<<HTML
        <!doctype html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>$project</title>
        <link rel="stylesheet" href="$prefix/style.css">
        <h1>$project</h1>
        <p>The <strong>$environment</strong> environment is running on PHP $version.</p>
        <p>Edit <code>app.php</code>, or look at <a href="$prefix/api">the same as JSON</a>.</p>
        </html>
        HTML;
}
